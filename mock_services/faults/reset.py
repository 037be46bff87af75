"""The connection ends with a TCP RST: at once, or once the request is there."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.server import Admission, Request, Response
from mock_services.server import Reset as ResetOrder


class Reset(Fault):
    at: Literal["request", "connect"] = Field(
        default="request", description="connect acts on every new connection, whatever its requests would be"
    )

    def admit(self) -> Admission:
        return Admission.RESET if self.at == "connect" else Admission.SERVE

    async def before(self, request: Request, moment: Moment) -> Response | None:
        if self.at == "request":
            raise ResetOrder
        return None
