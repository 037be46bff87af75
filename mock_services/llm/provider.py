"""The core under every dialect: admits by quota, runs on the simulated server, streams or collects."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mock_services.inference import Batching, Job, Pacer
from mock_services.llm.settings import ProviderSettings, inference_of, limits_of
from mock_services.llm.text import Text, find_nonce, natural_length, start_of
from mock_services.pace import until
from mock_services.quota import COST_RULES, Denial, Grant, Quota, Standing, Usage
from mock_services.server import Headers, Request, Response, Stream, Writer
from mock_services.service import Context, Settings


@dataclass(slots=True)
class Call:
    """One generation, as every dialect asks for it."""

    request: Request
    id: int
    """Of this service, counted from 1: ids and request ids are made of it."""
    model: str
    scope: dict[str, str]
    prompt_tokens: int
    max_tokens: int | None
    text: Text
    finish: str
    """`stop`, or `length` where max_tokens cut it."""
    choices: int = 1
    cached_tokens: int = 0
    grant: Grant | None = None
    tokens_per_event: int = 1

    @property
    def output_tokens(self) -> int:
        return self.text.length * self.choices

    def usage(self, output: int | None = None) -> Usage:
        return Usage(self.prompt_tokens, self.max_tokens, output, self.cached_tokens, self.choices)


@dataclass(frozen=True)
class Shape:
    """How a dialect says a stream: the frames before the first token, each token, and the frames after the last."""

    opening: tuple[bytes, ...]
    token: Callable[[int, bytes], bytes]
    """(index, the piece as it stands inside a JSON string) -> a frame."""
    closing: Callable[[], tuple[bytes, ...]]


class Overloaded(Exception):  # noqa: N818 -- an answer, not a fault of the program
    """The server's bounded queue is full."""


class Exhausted(Exception):  # noqa: N818 -- an answer, not a fault of the program
    """The hard quota is reached: no wait helps."""


class Denied(Exception):  # noqa: N818 -- an answer, not a fault of the program
    """The quota says no."""

    def __init__(self, denial: Denial, scope: dict[str, str]) -> None:
        super().__init__(denial.limit.label)
        self.denial = denial
        self.scope = scope


class Provider:
    """State of one provider: quota, server, counters. Dialects hold one and speak for it."""

    def __init__(self, settings: ProviderSettings, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.quota = Quota(limits_of(settings))
        self.batching = Batching(inference_of(settings), context.seed)
        self.pacer = Pacer(self.batching, context.event_loop, context.counts.pacing, context.outbox)
        self._calls = 0
        self._text_before: Text | None = None

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, ProviderSettings)
        now = self.context.clock()
        if limits_of(settings) != limits_of(self.settings):
            self.quota.change(limits_of(settings), now)
        if inference_of(settings) != inference_of(self.settings):
            self.batching.change(inference_of(settings), now)
            self.pacer.arm()
        self.settings = settings

    # asking

    def next_id(self) -> int:
        self._calls += 1
        return self._calls

    def call(
        self,
        request: Request,
        *,
        model: str,
        scope: dict[str, str],
        prompt_tokens: int,
        max_tokens: int | None,
        choices: int = 1,
        cached_tokens: int = 0,
    ) -> Call:
        """What will be answered, before any limit is asked."""
        settings = self.settings
        start = start_of(request.body, self.context.seed)
        length, finish = max_tokens or 0, "stop"
        if max_tokens is None or settings.answer_length == "natural":
            length = natural_length(settings.answer_tokens, settings.answer_sigma, start)
            if max_tokens is not None and length > max_tokens:
                length, finish = max_tokens, "length"
        marks = request.marks
        length = min(max(1, length), marks.get("answer_limit", length))
        text = Text(
            settings.canary or self.context.name, find_nonce(request.body), start, length, marks.get("is_wide", False)
        )
        own, before = text, self._text_before
        if marks.get("is_swapped") and before is not None:
            text = before
        self._text_before = own
        record = request.record
        record.model, record.tokens_in = model, prompt_tokens
        return Call(
            request,
            self.next_id(),
            model,
            scope,
            prompt_tokens,
            max_tokens,
            text,
            finish,
            choices,
            cached_tokens,
            tokens_per_event=marks.get("tokens_per_event", 1),
        )

    def admit(self, call: Call) -> None:
        """Books the call on every limit. Raises Exhausted, Denied or Overloaded."""
        if self.batching.full:
            raise Overloaded
        call.grant = self.book(call.scope, call.usage())

    def book(self, scope: dict[str, str], usage: Usage) -> Grant:
        """Raises Exhausted or Denied."""
        if self.settings.exhausted:
            raise Exhausted
        costs = COST_RULES[self.settings.cost_rule](usage)
        costs.setdefault("input_tokens", float(usage.prompt - usage.cached))
        answer = self.quota.admit(scope, costs, self.context.clock())
        if isinstance(answer, Denial):
            raise Denied(answer, scope)
        return answer

    def standing(self, label: str, scope: dict[str, str]) -> Standing | None:
        return self.quota.standing(label, scope, self.context.clock())

    def drain(self, labels: tuple[str, ...]) -> None:
        """Somebody else has used these limits up."""
        self.quota.drain(labels, self.context.clock())

    def cool_down(self, seconds: float) -> None:
        now = self.context.clock()
        self.batching.pause(now + seconds, now)
        self.pacer.arm()

    def warm_up(self) -> None:
        self.batching.resume(self.context.clock())
        self.pacer.arm()

    # answering

    def stream(self, call: Call, shape: Shape, headers: Headers) -> Stream:
        """The call's tokens as frames, each at the moment it exists. The call was admitted before."""
        return Stream(lambda writer: self._run_stream(call, shape, writer), headers)

    def _run_stream(self, call: Call, shape: Shape, writer: Writer) -> None:
        piece_json: Callable[[int], bytes] = call.text.piece_json
        token = shape.token
        if call.tokens_per_event > 1:
            piece_json, token = _grouped(call, shape)

        send = writer.send

        def emit(index: int) -> None:
            if not index:
                for frame in shape.opening:
                    send(frame)
            if frame := token(index, piece_json(index)):
                send(frame)

        def done() -> None:
            call.request.record.tokens_out = call.output_tokens
            for frame in shape.closing():
                writer.send(frame)
            writer.finish()

        job = Job(call.prompt_tokens, call.text.length, done, emit)
        writer.on_closed(lambda: self._over(call, job))
        self.pacer.submit(job)

    def whole(self, call: Call, render: Callable[[], Response]) -> Awaitable[Response]:
        """The call's answer once its last token exists. The call was admitted before."""
        answer: asyncio.Future[Response] = self.context.event_loop.create_future()

        def done() -> None:
            if not answer.done():
                # Here and not only in `_over`: whoever awaits an answer that is there already goes on before that.
                call.request.record.tokens_out = call.output_tokens
                answer.set_result(render())

        job = Job(call.prompt_tokens, call.text.length, done)
        answer.add_done_callback(lambda _: self._over(call, job))
        self.pacer.submit(job)
        return answer

    def _over(self, call: Call, job: Job) -> None:
        """The exchange has ended, by whichever side: what it really cost is settled, its place is free."""
        self.batching.cancel(job)
        output = job.generated * call.choices
        call.request.record.tokens_out = output
        if call.grant is not None:
            now = self.context.clock()
            costs = COST_RULES[self.settings.cost_rule](call.usage(output))
            call.grant.settle({**costs, "output_tokens": float(output)}, now)
            call.grant.leave(now)

    async def wait_for_embedding(self, tokens: int) -> None:
        """An embedding is a prefill without a decode: a fixed share and the tokens' compute."""
        settings = self.settings
        server = self.batching.settings
        seconds = (settings.embedding_ms + server.distance_ms) / 1000 + tokens / server.prefill_tokens_per_s
        await until(self.context.clock() + seconds, self.context)


def _grouped(call: Call, shape: Shape) -> tuple[Callable[[int], bytes], Callable[[int, bytes], bytes]]:
    """Pieces and frames of a stream with several tokens in an event: nothing until a group is full."""
    group: list[bytes] = []
    last, size = call.text.length - 1, call.tokens_per_event

    def piece(index: int) -> bytes:
        group.append(call.text.piece_json(index))
        if len(group) < size and index < last:
            return b""
        text = b"".join(group)
        group.clear()
        return text

    return piece, lambda index, text: shape.token(index, text) if text else b""


def organization_of(key: str) -> str:
    """A key's organisation, where the caller names none: always the same for the same key."""
    return hashlib.sha256(key.encode()).hexdigest()[:24]
