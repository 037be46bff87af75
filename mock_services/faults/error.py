"""The dependency fails at once, with a status, in its own words."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.voice import say_error
from mock_services.server import Request, Response


class Error(Fault):
    status: int = Field(default=503, ge=400, le=599)
    message: str = Field(default="", max_length=2000, description="the service's own words if empty")
    retry_after_s: float | None = Field(default=None, ge=0, description="sent as Retry-After, in whole seconds")

    async def before(self, request: Request, moment: Moment) -> Response | None:
        response = say_error(moment.host, request, self.status, self.message)
        if self.retry_after_s is not None:
            response.headers = [*response.headers, ("retry-after", str(round(self.retry_after_s)))]
        return response
