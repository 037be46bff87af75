"""Other settings for a while: a region with less capacity, sessions that end early, a stricter limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mock_services.faults.fault import Fault, FaultError
from mock_services.service import Settings

if TYPE_CHECKING:
    from mock_services.host import Host


class OtherSettings(Fault):
    values: dict[str, Any] = Field(min_length=1, description="settings of the service, as in its configuration")

    def check(self, host: Host) -> None:
        if unknown := [name for name in self.values if name not in type(host.service.settings).model_fields]:
            raise FaultError(f"{unknown[0]}: {host.mock} has no such setting")

    def overlay(self, settings: Settings) -> Mapping[str, Any]:
        return self.values
