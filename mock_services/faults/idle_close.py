"""Kept connections are closed once they have been idle for a while: the race that a client loses now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mock_services.faults.fault import Fault

if TYPE_CHECKING:
    from mock_services.host import Host


class IdleClose(Fault):
    """Acts on the whole port: the fields that choose requests are without effect."""

    idle_s: float = Field(default=5, ge=0.05, le=3600, description="a connection idle for so long is closed with FIN")

    def begin(self, host: Host) -> None:
        host.limit_idle(self.idle_s)

    def end(self, host: Host) -> None:
        host.limit_idle(None)
