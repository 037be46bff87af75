"""Down, up, down, up: an outage that ends and comes back, so that breakers must not settle too soon."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.voice import say_error
from mock_services.server import Request, Response


class Flapping(Fault):
    """Down first. (Every fault flaps where `up_s` and `down_s` are given; this one is the plain outage.)"""

    up_s: float = Field(default=30, gt=0, le=3600)
    down_s: float = Field(default=30, gt=0, le=3600)
    status: int = Field(default=503, ge=400, le=599)

    async def before(self, request: Request, moment: Moment) -> Response | None:
        return say_error(moment.host, request, self.status, "")
