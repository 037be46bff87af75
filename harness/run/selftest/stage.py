"""A small HTTP/1.1 server that can lie: each row of the selftest brings what it answers. On loopback, for one row."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import orjson

_HEAD_LIMIT = 1 << 16
_SO_LINGER_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """One request as it came, and when: `at_s` counts from the server's first one, `idle_s` from the connection's
    last."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at_s: float
    nth: int
    """Of its connection, from 1."""

    @property
    def seq(self) -> int:
        """The arrival's number; -1 for a request that is not the load's own."""
        return int(self.headers.get("x-peakproof-seq", "-1"))

    @property
    def tokens(self) -> int:
        """How many tokens it asks for."""
        return int(orjson.loads(self.body).get("max_tokens", 1))


class Wire:
    """What an answer is written to. `stamps` is the server's own word on times, in seconds, as the row needs it."""

    def __init__(self, writer: asyncio.StreamWriter, stamps: list[float]) -> None:
        self._writer = writer
        self.stamps = stamps
        self.keeps_open = True

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def hang_up(self) -> None:
        """Close in order after what was sent (FIN)."""
        self.keeps_open = False

    def reset(self) -> None:
        """Close with RST."""
        self.keeps_open = False
        held: socket.socket = self._writer.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _SO_LINGER_AT_ONCE)


Serve = Callable[[Request, Wire], Awaitable[None]]


@dataclass(frozen=True)
class Play:
    """What the server does. `idle_s`: it closes a connection that was idle for so long."""

    serve: Serve
    idle_s: float = 60.0
    accept_delay_s: float = 0.0
    """Before the first byte of a new connection is read."""
    hosts: tuple[str, ...] = ("127.0.0.1",)


class Stage:
    """A running server."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._first_s = 0.0
        self.requests = 0
        """Of the load itself."""
        self.by_host: dict[str, int] = {}
        self.stamps: list[float] = []
        self.port = 0

    def _read(self, head: bytes, body: bytes, nth: int) -> Request:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        now = time.monotonic()
        self._first_s = self._first_s or now
        return Request(method, path, headers, body, now - self._first_s, nth)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, asyncio.CancelledError)
        with suppress(*ends):
            await asyncio.sleep(self._play.accept_delay_s)
            nth = 0
            while True:
                async with asyncio.timeout(self._play.idle_s):
                    head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
                length = next((int(h[15:]) for h in head.split(b"\r\n") if h[:15].lower() == b"content-length:"), 0)
                nth += 1
                request = self._read(head, await reader.readexactly(length), nth)
                self.requests += request.seq >= 0
                host = str(writer.get_extra_info("sockname")[0])
                self.by_host[host] = self.by_host.get(host, 0) + 1
                wire = Wire(writer, self.stamps)
                await self._play.serve(request, wire)
                if not wire.keeps_open:
                    break
        writer.close()

    async def _live(self, ready: threading.Event, over: asyncio.Event) -> None:
        servers = []
        for host in self._play.hosts:
            servers.append(await asyncio.start_server(self._converse, host, self.port, limit=_HEAD_LIMIT, backlog=1024))
            self.port = int(servers[0].sockets[0].getsockname()[1])
        ready.set()
        await over.wait()
        for server in servers:
            server.close()


@contextmanager
def staged(play: Play) -> Iterator[Stage]:
    """The server, listening in a thread of its own, gone at the end with all that it still held open."""
    stage, ready, over, loop = Stage(play), threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    def live() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(stage._live(ready, over))
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        if rest:
            loop.run_until_complete(asyncio.wait(rest))
        loop.close()

    thread = threading.Thread(target=live, name="selftest-stage", daemon=True)
    thread.start()
    if not ready.wait(10.0):
        raise RuntimeError("the selftest's own server did not start")
    try:
        yield stage
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(5.0)
