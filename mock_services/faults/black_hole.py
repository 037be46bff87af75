"""Accepted, and never answered: the fault that a client without a timeout does not survive."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.server import Admission, Request, Reset, Response


class BlackHole(Fault):
    """What was swallowed is reset when the fault ends: no request outlives it."""

    at: Literal["request", "connect"] = Field(
        default="request", description="request: read it, say nothing; connect: accept new connections, read nothing"
    )

    def admit(self) -> Admission:
        return Admission.IGNORE if self.at == "connect" else Admission.SERVE

    async def before(self, request: Request, moment: Moment) -> Response | None:
        if self.at == "connect":
            return None  # connections from before the fault live on
        await moment.ended()
        raise Reset
