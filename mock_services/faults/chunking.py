"""A chunk is no token: several tokens in an event, several events in a TCP segment, a character cut in two."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from pydantic import Field

from mock_services.faults.fault import Fault, FaultError, Moment
from mock_services.faults.filter import Filter
from mock_services.server import Request, Response, Writer
from mock_services.service import Generating

if TYPE_CHECKING:
    from mock_services.host import Host

_GAP_S = 0.002
_INSIDE_A_CHARACTER = re.compile(rb"[\xc2-\xf4]")


class Chunking(Fault):
    """Nothing is wrong with such a stream: a client that counts or decodes chunks is."""

    tokens: int = Field(default=1, ge=1, le=1000, description="in one event, as with speculative decoding")
    events: int = Field(default=1, ge=1, le=1000, description="in one write, and so in one TCP segment")
    split_characters: bool = Field(
        default=False, description="text beyond ASCII, and each write cut inside a character into two segments"
    )

    def check(self, host: Host) -> None:
        if not isinstance(host.service, Generating):
            raise FaultError(f"{host.mock} generates no text")

    async def before(self, request: Request, moment: Moment) -> Response | None:
        request.marks = {**request.marks, "tokens_per_event": self.tokens, "is_wide": self.split_characters}
        return None

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return _Regrouped(writer, self)


class _Regrouped(Filter):
    def __init__(self, writer: Writer, fault: Chunking) -> None:
        super().__init__(writer)
        self._events = fault.events
        self._splits = fault.split_characters
        self._held: list[bytes] = []
        self._tail = b""

    def send(self, data: bytes) -> None:
        self._held.append(data)
        if len(self._held) >= self._events:
            self._write()

    def finish(self) -> None:
        self._write()
        self._send_tail()
        self.writer.finish()

    def _write(self) -> None:
        data = b"".join(self._held)
        self._held.clear()
        self._send_tail()
        inside = _INSIDE_A_CHARACTER.search(data) if self._splits else None
        if inside is None:
            self.writer.send(data)
            return
        self.writer.send(data[: inside.end()])
        self._tail = data[inside.end() :]
        asyncio.get_running_loop().call_later(_GAP_S, self._send_tail)  # a segment of its own

    def _send_tail(self) -> None:
        tail, self._tail = self._tail, b""
        if tail:
            self.writer.send(tail)
