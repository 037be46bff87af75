"""Tokens come slowly: the gaps between them grow."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Delayed
from mock_services.server import Request, Writer


class SlowStream(Fault):
    factor: float = Field(default=10, ge=1, le=10_000, description="each gap becomes so many times longer")
    gap_ms: float = Field(default=0, ge=0, le=600_000, description="and at least so long")

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return Delayed(writer, moment, 0.0, self.factor, self.gap_ms / 1000)
