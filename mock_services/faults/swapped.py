"""Somebody else's answer: each request gets the text that was made for the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_services.faults.fault import Fault, FaultError, Moment
from mock_services.server import Request, Response
from mock_services.service import Generating

if TYPE_CHECKING:
    from mock_services.host import Host


class Swapped(Fault):
    """Streams and whole answers, with the other prompt's nonce in them. The very first request gets its own."""

    def check(self, host: Host) -> None:
        if not isinstance(host.service, Generating):
            raise FaultError(f"{host.mock} generates no text")

    async def before(self, request: Request, moment: Moment) -> Response | None:
        request.marks = {**request.marks, "is_swapped": True}
        return None
