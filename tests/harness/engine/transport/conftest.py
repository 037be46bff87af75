"""A server that does what a test says, byte by byte, and a transport to meet it: real loopback sockets, no patching."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

os.environ.setdefault("GEVENT_LOOP", "libev-cext")

import gevent
from gevent.event import Event

from harness.engine.exchange import Exchange, Request
from harness.engine.job import EngineJob
from harness.engine.transport import Transport

Script = Callable[["Peer"], None]


class Peer:
    """One accepted connection, blocking, with the habits of a hostile server as methods."""

    def __init__(self, sock: Any, number: int) -> None:
        self.sock = sock
        self.number = number
        """Counts the connections of this server from 1."""
        self._seen = b""

    def request(self) -> bytes:
        """The next whole request; empty when the client went away."""
        while b"\r\n\r\n" not in self._seen:
            data = self.sock.recv(65536)
            if not data:
                return b""
            self._seen += data
        head, _, rest = self._seen.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(rest) < length:
            rest += self.sock.recv(65536)
        self._seen = rest[length:]
        return head + b"\r\n\r\n" + rest[:length]

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.sock.sendall(piece)

    def answer(
        self, body: bytes, status: str = "200 OK", headers: bytes = b"content-type: application/json\r\n"
    ) -> None:
        self.send(b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status.encode(), headers, len(body), body))

    def stream(self, *events: bytes, headers: bytes = b"") -> None:
        """The head of a chunked event stream, and each event as a chunk; no last chunk."""
        self.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n%btransfer-encoding: chunked\r\n\r\n" % headers
        )
        for event in events:
            self.chunk(event)

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Server:
    def __init__(self, script: Script, host: str, tls: Any) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=512)
        self._script = script
        self._tls = tls
        self._peers: list[Any] = []
        self.connections = 0
        self.port = self._listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if tls else 'http'}://{shown}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(20)
            self._peers.append(sock)
            self.connections += 1
            threading.Thread(target=self._run, args=(sock, self.connections), daemon=True).start()

    def _run(self, sock: Any, number: int) -> None:
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._peers.append(sock)
            self._script(Peer(sock, number))
        except OSError:
            pass
        finally:
            sock.close()

    def close(self) -> None:
        self._listener.close()
        for sock in self._peers:
            sock.close()


class Meeting:
    """A transport under test, driven from ordinary code."""

    def __init__(self, url: str, **fields: Any) -> None:
        hub = gevent.get_hub()
        job = EngineJob(run_id="t1", target=url, allow_hosts=(), journeys=(), phases=(), **fields)
        self.transport = Transport(job, hub)

    def ask(self, *requests: Request, within_s: float = 10) -> list[Exchange]:
        """Send all of them at once, and wait for all of them."""
        ended: list[Exchange] = []
        over = Event()

        def done(exchange: Exchange) -> None:
            ended.append(exchange)
            if len(ended) == len(requests):
                over.set()

        for request in requests:
            before = len(ended)
            self.transport.send(request, done)
            assert len(ended) == before, "done was called from inside send"
        assert over.wait(within_s), f"{len(ended)} of {len(requests)} ended within {within_s} s"
        return [next(e for e in ended if e.request is r) for r in requests]

    def warm(self, count: int) -> int:
        opened: list[int] = []
        over = Event()
        self.transport.warm(count, lambda n: (opened.append(n), over.set()))
        assert over.wait(10)
        return opened[0]


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """`serve(script, host="127.0.0.1", tls=None) -> Server`: runs `script(peer)` for every connection."""
    servers: list[Server] = []

    def start(script: Script, host: str = "127.0.0.1", tls: Any = None) -> Server:
        servers.append(Server(script, host, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def meet() -> Iterator[Callable[..., Meeting]]:
    """`meet(url, **job fields) -> Meeting`."""
    meetings: list[Meeting] = []

    def start(url: str, **fields: Any) -> Meeting:
        meetings.append(Meeting(url, **fields))
        return meetings[-1]

    yield start
    for meeting in meetings:
        meeting.transport.close()
        assert meeting.transport.in_flight == 0
