"""One HTTP/1.1 connection: httptools parses, requests are answered in order, the client's leaving is seen at once."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable
from typing import Any, cast

import httptools

from mock_services.loop import clock
from mock_services.server.exchange import Exchange, reset_by_rst, say
from mock_services.server.head import Head, Heads
from mock_services.server.message import Admission, Answer, App, Hang, Request, Reset, Response, json_response
from mock_services.server.outbox import Outbox

BODY_LIMIT_BYTES = 8 * 1024 * 1024
HEAD_LIMIT_BYTES = 64 * 1024
PIPELINE_LIMIT = 64
_log = logging.getLogger("mock_services")


class Connection(asyncio.Protocol):
    """Answers pipelined requests one after the other; reads no further while too many of them wait.

    `heads` is what the connections of one port remember together. A request that comes in one read, with a head that is
    known, is answered without a parser; one that can be answered at once, without a task or an exchange.
    `outbox` may hold back what they write for a moment.
    """

    def __init__(
        self,
        app: App,
        loop: asyncio.AbstractEventLoop,
        heads: Heads | None = None,
        outbox: Outbox | None = None,
        idle_limit_s: float = 75.0,
    ) -> None:
        self._app = app
        self._heads = Heads() if heads is None else heads
        self.loop = loop
        self._usual_idle_limit_s = self._idle_limit_s = idle_limit_s
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._parser: Any = None
        self._pending: list[Request] = []
        self._exchange: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._deaf = False
        self._reading_paused = False
        self._last_request = False
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_since_s = 0.0
        self._writable: asyncio.Event | None = None
        self._outbox = Outbox() if outbox is None else outbox
        self._held: list[bytes] = []
        self._fd = -1
        """Where bytes are written past the loop, which would keep them until its round is over; -1: not at all."""
        self._backlog = False
        """The loop may still have bytes to write, which come first."""
        self._fed = 0
        self._messages = 0
        """Whole requests in what was parsed last; and the head of the last of them."""
        self._said: Head | None = None
        self.on_message_begin()
        self._between = True
        """Nothing of a request has come yet, and one may."""

    # the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if os.name == "posix":
            self._fd = transport.get_extra_info("socket").fileno()
        self._idle_since_s = clock()
        admission = self._app.admit(self)
        if admission is Admission.RESET:
            self.reset()
        elif admission is Admission.IGNORE:
            self._deaf = True
        else:
            self._watch_idle()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self._between and self._exchange is None and not self._pending:
            head = self._heads.find(data)
            if head is not None:
                size = head.body_bytes
                self._begin(Request(head, data[-size:] if size else b""))
                return
            self._parse(data)
            if self._between and self._messages == 1:
                assert self._said is not None, "a message was read"
                self._heads.remember(data, self._said)
            return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        self._fed += len(data)
        self._messages = 0
        self._outbox.holding = True
        try:
            self._parser.feed_data(data)
            if self._in_head and self._fed > HEAD_LIMIT_BYTES:
                self._refuse(431, "the request's head is too large")
        except httptools.HttpParserUpgrade:
            return  # answered in HTTP/1.1 already, as the last one
        except (httptools.HttpParserError, httptools.HttpParserCallbackError):
            self._refuse(400, "the request is not valid HTTP/1.1")
        finally:
            self._outbox.release()

    def write(self, data: bytes) -> None:
        """At once; but what is written while a read is being parsed (answers to pipelined requests), or in the same
        step of a model, leaves together."""
        if not self._outbox.holding:
            self._send(data)
            return
        if not self._held:
            self._outbox.add(self)
        self._held.append(data)

    def send_held(self) -> None:
        held = self._held
        if held:
            self._send(held[0] if len(held) == 1 else b"".join(held))
            held.clear()

    def _send(self, data: bytes) -> None:
        transport = self.transport
        if transport.is_closing():  # the client has left, and the loop has not come round to saying so
            return
        if self._backlog:
            self._backlog = transport.get_write_buffer_size() > 0
        if self._fd >= 0 and not self._backlog:
            try:
                sent = os.write(self._fd, data)
            except OSError:  # the client reads too slowly, or is gone: the loop knows what to do
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        self._backlog = True
        transport.write(data)

    def eof_received(self) -> bool:
        return self._deaf  # a deaf connection stays half-open; a client that closed its side has left

    def connection_lost(self, exc: Exception | None) -> None:
        self._deaf = True
        self._app.left(self)
        self._pending.clear()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._writable is not None:
            self._writable.set()
        if self._exchange is not None:
            self._exchange.client_left()
        if self._task is not None:
            self._task.cancel()
        self._parser = None  # it refers back to us: without this, every connection waits for the collector

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
        self._writable = None

    async def drain(self) -> None:
        if self._writable is not None:
            await self._writable.wait()

    def close(self) -> None:
        """Ends with FIN, whatever is being said."""
        self._deaf = True
        self.send_held()
        self.transport.close()

    def reset(self) -> None:
        """Ends with RST instead of FIN."""
        self._deaf = True
        self._held.clear()
        reset_by_rst(self.transport)

    def limit_idle(self, idle_limit_s: float | None) -> None:
        """Idle connections close after so long; None: after the usual time."""
        self._idle_limit_s = self._usual_idle_limit_s if idle_limit_s is None else idle_limit_s
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._watch_idle()

    # the parser's calls

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._in_head = True
        self._between = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._fed > HEAD_LIMIT_BYTES and _head_bytes(self._url, self._headers) > HEAD_LIMIT_BYTES:
            self._refuse(431, "the request's head is too large")
        if self._headers.get(b"expect", b"").lower() == b"100-continue" and self._exchange is None:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > BODY_LIMIT_BYTES:
            self._refuse(413, f"the request body is larger than {BODY_LIMIT_BYTES} bytes")
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._fed = 0
        if self._deaf:
            return
        parser, body = self._parser, self._body
        if parser.should_upgrade():
            self._last_request = True  # h2c and websockets are not spoken here
        keep_alive = parser.should_keep_alive() and not self._last_request
        head = Head(parser.get_method().decode("ascii"), self._url.decode("latin-1"), self._headers, keep_alive)
        self._between, self._said = keep_alive, head
        self._messages += 1
        request = Request(head, (body[0] if len(body) == 1 else b"".join(body)) if body else b"")
        if self._exchange is None and not self._pending:
            self._begin(request)
            return
        self._pending.append(request)
        if len(self._pending) >= PIPELINE_LIMIT and not self._reading_paused:
            self._reading_paused = True
            self.transport.pause_reading()

    def _refuse(self, status: int, message: str) -> None:
        """The bytes cannot be read as a request: says so, if nothing else is being said, and closes."""
        if self._deaf:
            return
        self._deaf = True
        if self._exchange is None:
            answer = json_response(status, {"error": {"message": message}})
            Exchange(self, Request(Head("GET", "", {}, keep_alive=False), b"")).respond(answer)
        else:
            self.transport.abort()

    # answering

    def _begin(self, request: Request) -> None:
        request.record.started_s = clock()
        try:
            answer = self._app.answer(request)
        except Exception as error:
            exchange = self._exchange = Exchange(self, request)
            self._fail(exchange, error)
            return
        if isinstance(answer, Response):
            say(self, request, answer)
            self._over(request, request.keep_alive)
            return
        exchange = self._exchange = Exchange(self, request)
        if isinstance(answer, Awaitable):
            self._task = self.loop.create_task(self._answer_later(exchange, answer))
        else:
            exchange.stream(answer)

    async def _answer_later(self, exchange: Exchange, coming: Awaitable[Answer]) -> None:
        try:
            answer = await coming
        except Exception as error:
            self._fail(exchange, error)
            return
        finally:
            self._task = None
        if isinstance(answer, Response):
            exchange.respond(answer)
        else:
            exchange.stream(answer)

    def _fail(self, exchange: Exchange, error: Exception) -> None:
        if isinstance(error, Hang):
            return  # the exchange stays open until the client leaves
        if isinstance(error, Reset):
            exchange.abort()
            return
        _log.error("answering %s %s failed", exchange.request.method, exchange.request.path, exc_info=error)
        exchange.respond(json_response(500, {"error": {"message": "the mock itself failed; see its log"}}))

    def ended(self, exchange: Exchange, reusable: bool) -> None:
        """The exchange is over; the next pipelined request begins."""
        if exchange is not self._exchange:  # the answer to bytes that were no request
            self.close()
            return
        self._exchange = None
        self._over(exchange.request, reusable)

    def _over(self, request: Request, reusable: bool) -> None:
        self._app.finished(request)
        if not reusable or self._deaf or (self._last_request and not self._pending):
            self.close()
            return
        self._idle_since_s = request.record.finished_s
        if self._pending:
            self.loop.call_soon(self._next)

    def _next(self) -> None:
        if self._pending and self._exchange is None:
            self._begin(self._pending.pop(0))
        if self._reading_paused and len(self._pending) < PIPELINE_LIMIT // 2 and not self.transport.is_closing():
            self._reading_paused = False
            self.transport.resume_reading()

    def _watch_idle(self) -> None:
        """One lazy timer for the connection's life: it looks how long the connection has been idle, and looks again."""
        if self.transport.is_closing():
            return
        idle_s = clock() - self._idle_since_s
        if self._exchange is None and not self._pending and idle_s >= self._idle_limit_s:
            self.transport.close()
            return
        rest_s = self._idle_limit_s if self._exchange is not None else self._idle_limit_s - idle_s
        self._idle_timer = self.loop.call_later(max(rest_s, 0.05), self._watch_idle)


def _head_bytes(url: bytes, headers: dict[bytes, bytes]) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in headers.items())
