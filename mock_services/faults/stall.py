"""The stream stops in the middle and says nothing more: connected, silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Filter
from mock_services.server import Request, Writer


class Stall(Fault):
    """What is held back is sent when the stall or the fault ends: a stall never outlives its lease."""

    after_chunks: int = Field(default=5, ge=0, description="events of the stream that still come")
    for_s: float | None = Field(default=None, gt=0, le=3600, description="until the fault ends if not given")

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return _Stalled(writer, self, moment)


class _Stalled(Filter):
    def __init__(self, writer: Writer, stall: Stall, moment: Moment) -> None:
        super().__init__(writer)
        self._left = stall.after_chunks
        self._for_s = stall.for_s
        self._moment = moment
        self._held: list[Callable[[], None]] | None = None
        self._released = False

    def send(self, data: bytes) -> None:
        self._pass(lambda: self.writer.send(data))

    def finish(self) -> None:
        self._pass(self.writer.finish)

    def _pass(self, call: Callable[[], None]) -> None:
        if self._released or self._left > 0:
            self._left -= 1
            call()
            return
        if self._held is None:
            self._held = [call]  # before anybody can let it go: a fault that has ended releases at once
            self._moment.on_end(self._release)
            if self._for_s is not None:
                asyncio.get_running_loop().call_later(self._for_s, self._release)
        else:
            self._held.append(call)

    def _release(self) -> None:
        self._released = True
        held, self._held = self._held or [], None
        for call in held:
            call()
