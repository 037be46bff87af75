"""The money is gone: the provider's hard quota or spend cap, which no wait and no retry helps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mock_services.faults.fault import Fault, FaultError
from mock_services.service import Settings

if TYPE_CHECKING:
    from mock_services.host import Host


class HardQuota(Fault):
    """Acts on the whole service: the fields that choose requests are without effect."""

    def check(self, host: Host) -> None:
        if "exhausted" not in type(host.service.settings).model_fields:
            raise FaultError(f"{host.mock} has no hard quota")

    def overlay(self, settings: Settings) -> Mapping[str, Any]:
        return {"exhausted": True}
