"""The whole service stands still now and then, and goes on: a stop-the-world pause, a snapshot, a noisy neighbour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.server import Request, Response
from mock_services.service import ColdStarting

if TYPE_CHECKING:
    from mock_services.host import Host

_UNTIL_IT_ENDS_S = 3600.0


class Freeze(Fault):
    """Still first. What arrives meanwhile waits, and what a model was generating stops in mid-stream."""

    up_s: float = Field(default=18, gt=0, le=3600)
    down_s: float = Field(default=2, gt=0, le=3600)

    def begin(self, host: Host) -> None:
        if isinstance(host.service, ColdStarting):
            host.service.cool_down(_UNTIL_IT_ENDS_S)

    def end(self, host: Host) -> None:
        if isinstance(host.service, ColdStarting):
            host.service.warm_up()

    async def before(self, request: Request, moment: Moment) -> Response | None:
        await moment.ended()
        return None
