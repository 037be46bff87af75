"""The model is being loaded or swapped: requests wait until it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mock_services.faults.fault import Fault, FaultError
from mock_services.service import ColdStarting

if TYPE_CHECKING:
    from mock_services.host import Host


class ColdStart(Fault):
    for_s: float = Field(default=30, gt=0, le=3600, description="or until the fault ends, if that is sooner")

    def check(self, host: Host) -> None:
        if not isinstance(host.service, ColdStarting):
            raise FaultError(f"{host.mock} has no model that could start cold")

    def begin(self, host: Host) -> None:
        if isinstance(host.service, ColdStarting):
            host.service.cool_down(self.for_s)

    def end(self, host: Host) -> None:
        if isinstance(host.service, ColdStarting):
            host.service.warm_up()
