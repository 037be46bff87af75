"""The first token is late; after it, tokens come as fast as ever."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Delayed
from mock_services.server import Request, Writer


class SlowFirstToken(Fault):
    add_s: float = Field(default=20, ge=0, le=3600)

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return Delayed(writer, moment, self.add_s)
