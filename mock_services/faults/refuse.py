"""Nobody listens: connection refused, as when the process is down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mock_services.faults.fault import Fault

if TYPE_CHECKING:
    from mock_services.host import Host


class Refuse(Fault):
    """Acts on the whole port: the fields that choose requests are without effect."""

    reset_open: bool = Field(default=True, description="connections open at the start are reset, as a crash would")

    def begin(self, host: Host) -> None:
        host.refuse()
        if self.reset_open:
            host.reset_peers()

    def end(self, host: Host) -> None:
        host.listen_again()
