"""An httpx transport on asyncio and httptools. httpx's own costs a whole core at a few dozen token streams a second.

It speaks plain HTTP/1.1 to few hosts over many kept-alive connections. Body bytes are handed on as they come: several
chunks that arrived together are one piece. Of httpx's timeouts it keeps `connect` and `read` (the longest
silence); whoever wants a deadline puts `asyncio.timeout` around the call. Nothing is ever sent twice.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

import httptools
import httpx

_PAUSE_BYTES = 256 * 1024
"""Bytes a reader may lag behind before its connection is paused."""
_IDLE_CONNECTIONS = 512
Origin = tuple[str, str, int]


class PooledTransport(httpx.AsyncBaseTransport):
    """Connections by origin, the most recently used first; those a peer closed are dropped as they close."""

    def __init__(self) -> None:
        self._idle: dict[Origin, deque[_Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        timeouts = request.extensions.get("timeout", {})
        body = b"".join([piece async for piece in cast(httpx.AsyncByteStream, request.stream)])
        connection = await self._connection(request, timeouts.get("connect"))
        connection.read_timeout_s = timeouts.get("read")
        try:
            await connection.send(request, body)
        except BaseException:
            connection.abort()
            raise
        stream = _Body(connection, self)
        return httpx.Response(connection.status, headers=connection.headers, stream=stream)

    async def aclose(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()

    def take_back(self, connection: _Connection) -> None:
        """Called when a response was read to its end: the connection may carry the next one."""
        idle = self._idle.setdefault(connection.origin, deque())
        if connection.is_reusable and len(idle) < _IDLE_CONNECTIONS:
            connection.home = idle
            idle.append(connection)
        else:
            connection.abort()

    async def _connection(self, request: httpx.Request, timeout_s: float | None) -> _Connection:
        url = request.url
        origin = (url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80))
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            connection.home = None
            if connection.is_reusable:
                return connection
        tls = self._tls_context() if url.scheme == "https" else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await loop.create_connection(lambda: _Connection(origin), origin[1], origin[2], ssl=tls)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time", request=request) from error
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls


class _Connection(asyncio.Protocol):
    """One connection; it carries one exchange at a time."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.home: deque[_Connection] | None = None
        """Where it waits for its next exchange; None while it carries one."""
        self.read_timeout_s: float | None = None
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = True
        self.is_reusable = False
        self._has_head = False
        self._has_length = False
        self._error: httpx.TransportError | None = None
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._silent_since_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)

    async def send(self, request: httpx.Request, body: bytes) -> None:
        """Sends a request and waits for the head of its response."""
        assert self._transport is not None and self.is_complete, "one exchange at a time"
        self.status, self.headers = 0, []
        if self._timer is not None:  # armed for another exchange's timeout
            self._timer.cancel()
            self._timer = None
        self.is_complete = self.is_reusable = self._has_head = self._has_length = False
        lines = [f"{request.method} ".encode() + request.url.raw_path + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in request.headers.raw]
        self._transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        while not self._has_head:
            if self._error is not None:
                raise self._error
            await self._wait()

    async def receive(self) -> bytes:
        """The body's next bytes; empty at its end. Raises httpx.TransportError."""
        while not self._pieces:
            if self.is_complete:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait()
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._buffered = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return piece

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> None:
        """Until something has come, the connection is lost, or the peer has been silent for too long."""
        self._waiter = self._loop.create_future()
        self._silent_since_s = self._loop.time()
        if self.read_timeout_s is not None and self._timer is None:
            self._timer = self._loop.call_later(self.read_timeout_s, self._look)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _look(self) -> None:
        """The one timer of a connection: it looks how long the present wait has lasted, and looks again."""
        self._timer = None
        if self._waiter is None or self.read_timeout_s is None:
            return
        left_s = self._silent_since_s + self.read_timeout_s - self._loop.time()
        if left_s <= 0:
            self._break(httpx.ReadTimeout("the peer fell silent"))
        else:
            self._timer = self._loop.call_later(left_s, self._look)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _break(self, error: httpx.TransportError) -> None:
        self._error = self._error or error
        self.is_reusable = False
        self._wake()
        self.abort()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.is_complete:  # bytes nobody asked for
            self._break(httpx.RemoteProtocolError("data after the end of the response"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._break(httpx.RemoteProtocolError(str(error)))
        if self._buffered > _PAUSE_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_reusable = False
        if self._timer is not None:
            self._timer.cancel()
        if self.home is not None:
            self.home.remove(self)
            self.home = None
        if not self.is_complete:
            if self._has_head and not self._has_length and exc is None:
                self.is_complete = True  # a body that ends with its connection
            else:
                what = "inside the body" if self._has_head else "before the response"
                self._error = self._error or httpx.RemoteProtocolError(f"the peer closed the connection {what}")
        self._wake()

    # httptools' side

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError("a second response")  # ends the parsing: bytes nobody asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))
        if name.lower() in {b"content-length", b"transfer-encoding"}:
            self._has_length = True

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= 200

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        if self.status < 200:  # 100 Continue and its like: the response is still to come
            self.headers = []
            return
        self.is_complete = True
        self.is_reusable = self._parser.should_keep_alive() and self._error is None


class _Body(httpx.AsyncByteStream):
    """A response's body; closing it before its end closes the connection, which tells the peer to stop."""

    def __init__(self, connection: _Connection, home: PooledTransport) -> None:
        self._connection: _Connection | None = connection
        self._home = home

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None:
            piece = await self._connection.receive()
            if not piece:
                return
            yield piece

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.is_complete:
            self._home.take_back(connection)
        else:
            connection.abort()
