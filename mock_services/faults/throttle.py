"""The dependency says 429, whatever its limiter thinks, with a hint of one's choice or none."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.voice import say_throttled
from mock_services.server import Request, Response


class Throttle(Fault):
    retry_after_s: float | None = Field(
        default=1, ge=0, le=86_400, description="the hint, as the service encodes it; null sends none"
    )

    async def before(self, request: Request, moment: Moment) -> Response | None:
        return say_throttled(moment.host, request, self.retry_after_s)
