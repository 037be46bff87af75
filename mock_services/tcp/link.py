"""One proxied connection: two directions, each piece passed through the toxics in force when it comes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from mock_services.loop import clock
from mock_services.server import reset_by_rst
from mock_services.tcp.toxics import CloseLink, Piece, Toxic

PIECE_BYTES = 32 * 1024
QUEUE_PIECES = 64
Direction = Literal["downstream", "upstream"]
Toxics = Callable[["Link", Direction], Sequence[Toxic]]


class Link:
    """Client and upstream, until one of them closes, or a toxic does."""

    def __init__(self, number: int, seed: int, toxics: Toxics) -> None:
        self.number = number
        self._toxics = toxics
        self._rng = random.Random(seed * 1_000_003 + number)
        self._writers: list[asyncio.StreamWriter] = []
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], upstream: tuple[str, int]) -> None:
        """Returns once both directions have ended."""
        self._writers.append(client[1])
        try:
            reader, writer = await asyncio.open_connection(*upstream)
        except OSError:
            self.reset()
            return
        self._writers.append(writer)
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._pump("upstream", client[0], writer)),
            loop.create_task(self._pump("downstream", reader, client[1])),
        ]
        try:
            await asyncio.gather(*self._tasks)
        except (CloseLink, OSError):
            pass
        finally:
            self.close()

    # what toxics do to a whole connection

    def end_after(self, lease: str, seconds: float, by_rst: bool) -> None:
        call = self.reset if by_rst else self.close
        self._timers[lease] = asyncio.get_running_loop().call_later(seconds, call)

    def keep(self, lease: str) -> None:
        """The toxic is gone before its time was up."""
        timer = self._timers.pop(lease, None)
        if timer is not None:
            timer.cancel()

    def reset(self) -> None:
        for writer in self._writers:
            reset_by_rst(writer.transport)
        self.close()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.close()

    # bytes

    async def _pump(self, way: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads ahead of what is delayed, so that a latency is one, and not one for each piece."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Piece | None] = asyncio.Queue(QUEUE_PIECES)
        sending = loop.create_task(self._send(way, queue, writer))
        self._tasks.append(sending)
        while data := await reader.read(PIECE_BYTES):
            await queue.put(Piece(data, clock()))
        await queue.put(None)
        await sending

    async def _send(self, way: Direction, queue: asyncio.Queue[Piece | None], writer: asyncio.StreamWriter) -> None:
        carried = 0
        try:
            while (piece := await queue.get()) is not None:
                carried += await self._carry(piece, list(self._toxics(self, way)), writer, carried)
        except CloseLink:
            asyncio.get_running_loop().call_soon(self.close)
            return
        await asyncio.sleep(max((toxic.close_delay_s() for toxic in self._toxics(self, way)), default=0.0))
        with suppress(OSError):
            writer.write_eof()

    async def _carry(self, piece: Piece, toxics: list[Toxic], writer: asyncio.StreamWriter, carried: int) -> int:
        """Through the first toxic, and what comes out of it through the rest; answers the bytes that got out."""
        if not toxics:
            writer.write(piece.data)
            await writer.drain()
            return len(piece.data)
        sent = 0
        async for part in toxics[0].carry(piece, self._rng, carried):
            sent += await self._carry(part, toxics[1:], writer, carried + sent)
        return sent
