"""`POST /v1/chat/completions`: admission, the answer, and its bytes. A caller that leaves stops all work for it."""

from __future__ import annotations

import asyncio
import itertools
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from mock_services.copilot import reply
from mock_services.copilot.answer import Answer, Copilot, NothingLeftError
from mock_services.copilot.budget import Budget
from mock_services.copilot.gate import Gate, ShedError, TenantShedError
from mock_services.copilot.ledger import Ledger
from mock_services.copilot.model import ModelStream
from mock_services.copilot.question import Question, QuestionError, read_question
from mock_services.copilot.sse import DONE, Identity, error_event
from mock_services.copilot.upstream import RejectedError, UpstreamError
from mock_services.copilot.weakness import Weakness
from mock_services.evidence import Record

_LARGEST_BODY_BYTES = 2 * 1024 * 1024
_LEAK_LIMIT_BYTES = 512 * 1024 * 1024
_SHED_RETRY_S = 1.0
_CUT_AFTER_PIECES = 8


class ChatEndpoint:
    """An ASGI application: one question, one answer."""

    def __init__(self, copilot: Copilot, gate: Gate, ledger: Ledger) -> None:
        self._copilot = copilot
        self._gate = gate
        self._ledger = ledger
        self._numbers = itertools.count(1)
        self._leaked: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope["method"], scope["path"], send, self._copilot.clock)
        counted = self._ledger.arrived(exchange.record, scope["headers"])
        try:
            body = await _read_body(receive)
            if body is None:
                await exchange.whole(413, reply.error_body("The body is too large.", "invalid_request_error", None))
            elif not await _unless_caller_leaves(receive, self._answer(exchange, body, scope["headers"])):
                exchange.record.outcome = "disconnected"
        except Exception:
            exchange.record.status, exchange.record.outcome = 500, "server_error"
            raise
        finally:
            exchange.record.finished_s = self._copilot.clock()
            self._ledger.finished(exchange.record, counted)

    async def _answer(self, exchange: Exchange, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        budget = self._copilot.budget()
        try:
            question = read_question(body, headers, self._copilot.settings)
        except QuestionError as error:
            await exchange.whole(400, reply.error_body(str(error), "invalid_request_error", None, error.field))
            return
        tenant = next((value.decode("latin-1") for name, value in headers if name == b"x-tenant"), "")
        try:
            async with self._gate.place(tenant):
                self._leak()
                await self._answer_admitted(exchange, question, budget)
        except ShedError as error:
            exchange.record.outcome = "shed"
            theirs = isinstance(error, TenantShedError)
            kind, code = ("rate_limit_error", "tenant_limit") if theirs else ("server_error", "overloaded")
            said = reply.error_body(f"The assistant is overloaded: {error}.", kind, code)
            await exchange.whole(429 if theirs else 503, said, reply.retry_after(_SHED_RETRY_S))

    async def _answer_admitted(self, exchange: Exchange, question: Question, budget: Budget) -> None:
        context = await self._copilot.gather(question, budget)
        broken: list[str] = []
        while True:
            try:
                answer = await self._copilot.begin(question, context, budget, broken)
            except RejectedError as error:
                await exchange.whole(error.status, error.body)
                return
            except NothingLeftError as error:
                await self._say_nothing_left(exchange, question, error)
                return
            exchange.answered(answer)
            if answer.stream is None:
                await self._give_cached(exchange, question, answer)
            elif question.is_stream:
                await self._pass_on(exchange, question, answer, answer.stream)
            elif not await self._give_whole(exchange, question, answer, answer.stream):
                broken.append(answer.served_by)  # nothing was sent yet: the next model may have it
                continue
            return

    async def _pass_on(self, exchange: Exchange, question: Question, answer: Answer, stream: ModelStream) -> None:
        """The model's stream, as it comes. Where it breaks, the caller is told in the stream; no end marker follows."""
        cut_after = self._cut_after(question)
        try:
            await exchange.begin(200, reply.EVENT_STREAM, self._marks(answer))
            pieces = 0
            while piece := await stream.next_piece():
                pieces += 1
                if cut_after and pieces > cut_after:
                    exchange.record.outcome = "cut"
                    await exchange.end()
                    return
                await exchange.piece(piece)
        except UpstreamError as error:
            exchange.record.outcome = "broken"
            await exchange.piece(error_event(f"The answer broke off ({error}).", "answer_broken"))
        else:
            self._copilot.keep(question, stream)
        finally:
            exchange.count_tokens(stream)
            await stream.aclose()
        await exchange.end()

    async def _give_whole(self, exchange: Exchange, question: Question, answer: Answer, stream: ModelStream) -> bool:
        """The stream collected into one body; False where it broke."""
        try:
            while await stream.next_piece():
                pass
        except UpstreamError:
            return False
        finally:
            exchange.count_tokens(stream)
            await stream.aclose()
        self._copilot.keep(question, stream)
        body = reply.whole_answer(
            self._identity(), stream.model, stream.text, finish=stream.finish_reason, usage=stream.usage
        )
        await exchange.whole(200, body, self._marks(answer))
        return True

    async def _give_cached(self, exchange: Exchange, question: Question, answer: Answer) -> None:
        assert answer.cached is not None
        text, model = answer.cached.text, answer.cached.model
        headers = self._marks(answer)
        if not question.is_stream:
            body = reply.whole_answer(self._identity(), model, text)
            await exchange.whole(200, body, headers)
            return
        usage = reply.NO_USAGE if question.includes_usage else None
        await exchange.begin(200, reply.EVENT_STREAM, headers)
        await exchange.piece(b"".join(reply.streamed_answer(self._identity(), model, text, usage)))
        await exchange.end()

    async def _say_nothing_left(self, exchange: Exchange, question: Question, error: NothingLeftError) -> None:
        exchange.record.outcome = "unanswered"
        message = f"No model can answer right now ({error})."
        if not self._copilot.settings.has(Weakness.ERROR_IN_200):
            body = reply.error_body(message, "server_error", "no_model_available")
            await exchange.whole(503, body, reply.retry_after(error.retry_after_s))
        elif question.is_stream:
            await exchange.begin(200, reply.EVENT_STREAM, [])
            await exchange.piece(error_event(message, "no_model_available") + DONE)
            await exchange.end()
        else:
            await exchange.whole(200, reply.error_body(message, "server_error", "no_model_available"))

    def _marks(self, answer: Answer) -> reply.Headers:
        """Who answered, and what had to be left out."""
        is_silent = Weakness.UNMARKED in self._copilot.settings.weakness
        return [] if is_silent else reply.answer_headers(answer.served_by, answer.degraded)

    def _identity(self) -> Identity:
        return Identity(f"chatcmpl-copilot-{next(self._numbers)}", int(time.time()))

    def _cut_after(self, question: Question) -> int:
        """After how many pieces the weakness `cut_stream` ends this stream; 0 leaves it whole."""
        share = self._copilot.settings.weakness.get(Weakness.CUT_STREAM, 0.0)
        mark = zlib.crc32(question.key + question.seq.encode("latin-1"), self._copilot.settings.seed & 0xFFFFFFFF)
        return _CUT_AFTER_PIECES if mark < share * 2**32 else 0

    def _leak(self) -> None:
        """The weakness `memory_leak`, up to a ceiling that spares the machine."""
        size = int(self._copilot.settings.weakness.get(Weakness.MEMORY_LEAK, 0.0) * 1024)
        if size and len(self._leaked) * size < _LEAK_LIMIT_BYTES:
            self._leaked.append(b"\xa5" * size)


class Exchange:
    """The answering side of one request, and its line in the log."""

    def __init__(self, method: str, path: str, send: Send, clock: Callable[[], float]) -> None:
        self.record = Record(method, path)
        self.record.started_s = clock()
        self._clock = clock
        self._send = send

    def answered(self, answer: Answer) -> None:
        self.record.model = answer.served_by
        self.record.outcome = "degraded" if answer.degraded else "ok"

    def count_tokens(self, stream: ModelStream) -> None:
        usage: dict[str, Any] = stream.usage or {}
        self.record.tokens_in += int(usage.get("prompt_tokens") or 0)
        self.record.tokens_out += int(usage.get("completion_tokens") or 0)

    async def whole(self, status: int, body: bytes, headers: reply.Headers | None = None) -> None:
        await self.begin(status, reply.JSON, [*(headers or []), (b"content-length", str(len(body)).encode())])
        await self.piece(body)
        await self.end()

    async def begin(self, status: int, content_type: bytes, headers: reply.Headers) -> None:
        self.record.status = status
        start: Message = {"type": "http.response.start", "status": status}
        start["headers"] = [(b"content-type", content_type), *headers]
        await self._send(start)

    async def piece(self, body: bytes) -> None:
        if not self.record.first_byte_s:
            self.record.first_byte_s = self._clock()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _read_body(receive: Receive) -> bytes | None:
    """The request's body; None where it is larger than we take. A caller that leaves meanwhile gets an empty one."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > _LARGEST_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _unless_caller_leaves(receive: Receive, work: Awaitable[None]) -> bool:
    """Does the work; as soon as the caller has gone, cancels it with every upstream call it holds: False then."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
    try:
        await working
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        return False
    return True
