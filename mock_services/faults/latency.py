"""The dependency is slow: every answer waits first, at most until the fault ends."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.server import Request, Response


class Latency(Fault):
    add_ms: float = Field(ge=0, le=600_000, description="waited before the service sees the request")
    jitter_ms: float = Field(default=0, ge=0, le=600_000, description="plus or minus up to this, seeded, uniform")

    async def before(self, request: Request, moment: Moment) -> Response | None:
        # the draw also decides `share`; stretched over the hit part, it is uniform again
        spread = 2 * moment.draw / self.share - 1
        await moment.ended(max(0.0, self.add_ms + spread * self.jitter_ms) / 1000)
        return None
