"""A writer around a writer: passes everything on. Faults of streams override what they break."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from mock_services.faults.fault import Moment
from mock_services.loop import call_at, clock
from mock_services.server import Writer


class Filter:
    """Implements `Writer`."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer

    @property
    def closed(self) -> bool:
        return self.writer.closed

    def send(self, data: bytes) -> None:
        self.writer.send(data)

    def finish(self) -> None:
        self.writer.finish()

    def close(self) -> None:
        self.writer.close()

    def abort(self) -> None:
        self.writer.abort()

    def on_closed(self, call: Callable[[], None]) -> None:
        self.writer.on_closed(call)

    async def drain(self) -> None:
        await self.writer.drain()


class Delayed(Filter):
    """Chunk i, which came at a_i, leaves at a_0 + offset + factor x (a_i - a_0), and never before a gap has passed.

    Once the fault ends, what is held back leaves at once and the rest passes as it comes.
    """

    def __init__(
        self, writer: Writer, moment: Moment, offset_s: float, factor: float = 1.0, gap_s: float = 0.0
    ) -> None:
        super().__init__(writer)
        self._loop = asyncio.get_running_loop()
        self._offset_s = offset_s
        self._factor = factor
        self._gap_s = gap_s
        self._first_s: float | None = None
        self._last_s = 0.0
        self._held: deque[tuple[float, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._free = False
        writer.on_closed(self._held.clear)
        moment.on_end(self._release)

    def send(self, data: bytes) -> None:
        self._later(lambda: self.writer.send(data))

    def finish(self) -> None:
        self._later(self.writer.finish)

    def _later(self, call: Callable[[], None]) -> None:
        if self._free or self.closed:
            call()
            return
        now = clock()
        if self._first_s is None:
            self._first_s = now
            self._last_s = now + self._offset_s - self._gap_s
        due_s = self._first_s + self._offset_s + self._factor * (now - self._first_s)
        self._last_s = max(due_s, self._last_s + self._gap_s)
        self._held.append((self._last_s, call))
        if len(self._held) == 1:
            self._timer = call_at(self._loop, self._last_s, self._send_due)

    def _send_due(self) -> None:
        while self._held and self._held[0][0] <= clock():
            self._held.popleft()[1]()
        if self._held:
            self._timer = call_at(self._loop, self._held[0][0], self._send_due)

    def _release(self) -> None:
        self._free = True
        if self._timer is not None:
            self._timer.cancel()
        while self._held:
            self._held.popleft()[1]()
