"""One request being answered: writes heads, bodies and chunks, and keeps the record's times."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from mock_services.loop import clock
from mock_services.server.message import Headers, Request, Response, Stream, Writer

if TYPE_CHECKING:
    from mock_services.server.connection import Connection

_STATUS_LINES = {
    status: b"HTTP/1.1 %d %s\r\n" % (status, phrase.encode("ascii"))
    for status, phrase in {
        **{int(s): s.phrase for s in HTTPStatus},
        498: "Flex Capacity Exceeded",
        529: "Overloaded",
    }.items()
}
_SIZE_LINES = tuple(b"%x\r\n" % size for size in range(2048))
_LINGER_NOT = struct.pack("ii", 1, 0)


def reset_by_rst(transport: asyncio.BaseTransport) -> None:
    """Ends a connection with an RST instead of a FIN."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    cast(asyncio.WriteTransport, transport).abort()


def render_head(status: int, content_type: str, headers: Headers, framing: bytes) -> bytes:
    lines = "".join([f"{name}: {_one_line(value)}\r\n" for name, value in headers])
    first = _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
    return b"%bcontent-type: %b\r\n%b%b\r\n" % (first, content_type.encode("latin-1"), framing, lines.encode("latin-1"))


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ") if "\n" in value or "\r" in value else value


def say(connection: Connection, request: Request, response: Response) -> None:
    """Writes a whole answer, and completes the record."""
    data = response.rendered
    if data is None or not request.keep_alive:
        body = response.body
        framing = b"content-length: %d\r\n" % len(body)
        if not request.keep_alive:
            framing += b"connection: close\r\n"
        data = render_head(response.status, response.content_type, response.headers, framing) + body
        if request.keep_alive:
            response.rendered = data
    if request.method == "HEAD":
        data = data[: len(data) - len(response.body)]
    record = request.record
    status = record.status = response.status
    if status in _REFUSALS:
        record.hint_s = _hint_s(response.headers)
    record.first_byte_s = record.finished_s = clock()
    connection.write(data)
    if status == 200 and not record.outcome:
        record.outcome = "ok"
    else:
        record.settle()


class Exchange:
    """Implements `Writer`. Everything is a no-op once the exchange is over."""

    __slots__ = ("_calls", "_chunked", "_connection", "_head", "_keep_alive", "_silent", "closed", "request")

    def __init__(self, connection: Connection, request: Request) -> None:
        self.request = request
        self.closed = False
        self._connection = connection
        self._keep_alive = request.keep_alive
        self._head = b""
        self._chunked = False
        self._silent = True
        """Nothing of the body has been sent."""
        self._calls: list[Callable[[], None]] = []

    # whole answers

    def respond(self, response: Response) -> None:
        if self.closed:
            return
        say(self._connection, self.request, response)
        self.closed = True
        if self._calls:
            self._call_back()
        self._connection.ended(self, self._keep_alive)

    # streams

    def stream(self, stream: Stream) -> None:
        if self.closed:
            return
        if stream.content_length is None:
            self._chunked = True
            framing = b"transfer-encoding: chunked\r\n"
        else:
            framing = b"content-length: %d\r\n" % stream.content_length
        if not self._keep_alive:
            framing += b"connection: close\r\n"
        self._head = render_head(stream.status, stream.content_type, stream.headers, framing)
        self.request.record.status = stream.status
        writer: Writer = self
        for wrap in stream.filters:
            writer = wrap(writer)
        if stream.eager_head:
            self._connection.write(self._head)
            self._head = b""
        stream.start(writer)

    def send(self, data: bytes) -> None:
        if self.closed or not data:
            return
        if self._chunked:
            size = len(data)
            line = _SIZE_LINES[size] if size < len(_SIZE_LINES) else b"%x\r\n" % size
            data = b"".join((line, data, b"\r\n"))
        if self._silent:
            self._silent = False
            self.request.record.first_byte_s = clock()
            data, self._head = self._head + data, b""
        self._connection.write(data)

    def finish(self) -> None:
        if self.closed:
            return
        tail = self._head + (b"0\r\n\r\n" if self._chunked else b"")
        self._head = b""
        if tail:
            self._connection.write(tail)
        self._end(reusable=self._keep_alive)

    def close(self) -> None:
        if self.closed:
            return
        if self._head:
            self._connection.write(self._head)
        self.request.record.outcome = "cut"
        self._end(reusable=False)

    def abort(self) -> None:
        if self.closed:
            return
        self.request.record.outcome = "cut"
        self._connection.reset()
        self._end(reusable=False)

    def client_left(self) -> None:
        """The connection is gone; whoever was sending is told."""
        if not self.closed:
            self.request.record.outcome = self.request.record.outcome or "disconnected"
            self._end(reusable=False)

    def on_closed(self, call: Callable[[], None]) -> None:
        if self.closed:
            call()
        else:
            self._calls.append(call)

    async def drain(self) -> None:
        await self._connection.drain()

    def _end(self, reusable: bool) -> None:
        self.closed = True
        record = self.request.record
        record.finished_s = clock()
        record.settle()
        self._call_back()
        self._connection.ended(self, reusable)

    def _call_back(self) -> None:
        calls: Iterable[Callable[[], None]] = self._calls
        self._calls = []
        for call in calls:
            call()


_REFUSALS = (429, 503, 529)


def _hint_s(headers: Iterable[tuple[str, str]]) -> float:
    """What a refusal's own headers ask for: `retry-after-ms`, or `retry-after` in seconds. 0 where it is no number."""
    said = {name.lower(): value for name, value in headers}
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(0.0, float(said[name]) * scale)
        except (KeyError, ValueError):
            continue
    return 0.0
