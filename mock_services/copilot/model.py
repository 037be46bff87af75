"""A model's streamed answer, opened up to its first content, so that a failure before it can still go elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import cast

import httpx

from mock_services.copilot.sse import Event, EventReader
from mock_services.copilot.upstream import Headers, RejectedError, Upstream, UpstreamError

CHAT_PATH = "/v1/chat/completions"


@dataclass(frozen=True)
class StreamLimits:
    """Seconds to the first content and between two pieces (None is no limit), and when the caller's budget is spent."""

    first_token_s: float | None
    idle_s: float | None
    deadline_s: float


class ModelStream:
    """A stream whose first content has come; `next_piece` gives the bytes to pass on.

    What was said so far is in `text`, `model`, `finish_reason` and `usage`. A stream that breaks, falls silent, holds
    an error or ends without its end marker raises UpstreamError; the bytes before that have been given.
    """

    def __init__(self, upstream: Upstream, response: httpx.Response, deadline_s: float) -> None:
        self.model = ""
        self.finish_reason = ""
        self.usage: dict[str, object] | None = None
        self._upstream = upstream
        self._response = response
        self._deadline_s = deadline_s
        self._source = cast(AsyncGenerator[bytes], response.aiter_raw())
        self._reader = EventReader()
        self._ready: list[Event] = []
        self._text: list[str] = []
        self._failure: UpstreamError | None = None
        self._is_ended = False

    @property
    def text(self) -> str:
        return "".join(self._text)

    async def open(self) -> None:
        """Reads up to the first content. Raises UpstreamError when the stream ends or breaks before it."""
        if "text/event-stream" not in self._response.headers.get("content-type", ""):
            raise UpstreamError(self._upstream.name, "malformed", 200)
        while not self._text:
            if self._is_ended:
                raise UpstreamError(self._upstream.name, "empty", 200)
            self._ready += await self._next_events()

    async def next_piece(self) -> bytes:
        """Whole events to pass on; empty at the proper end. Raises UpstreamError where the stream breaks."""
        if not self._ready and not self._is_ended:
            self._ready = await self._next_events()
        piece = b"".join([event.raw for event in self._ready])
        self._ready = []
        return piece

    async def aclose(self) -> None:
        """Lets go of the model; one that is still talking sees the connection close."""
        await self._source.aclose()
        await self._response.aclose()

    async def _next_events(self) -> list[Event]:
        """The next whole events, all of them good; a failure is raised once the good events before it were given."""
        if self._failure is not None:
            raise self._failure
        if self._upstream.clock() >= self._deadline_s:
            raise UpstreamError(self._upstream.name, "out of time", 200)
        try:
            events: list[Event] = []
            while not events:
                events = self._reader.feed(await anext(self._source))
        except StopAsyncIteration:
            raise UpstreamError(self._upstream.name, "truncated", 200) from None
        except httpx.HTTPError as error:
            raise self._upstream.broken(error, 200) from error
        good: list[Event] = []
        for event in events:
            if event.error:
                reason = "malformed" if event.is_malformed else "in-band error"
                self._failure = UpstreamError(self._upstream.name, reason, 200)
                break
            self._take_in(event)
            good.append(event)
            if event.is_end:
                break
        if self._failure is not None and not good:
            raise self._failure
        return good

    def _take_in(self, event: Event) -> None:
        if event.content:
            self._text.append(event.content)
        self.model = event.model or self.model
        self.finish_reason = event.finish_reason or self.finish_reason
        self.usage = event.usage or self.usage
        self._is_ended = event.is_end


async def open_stream(
    upstream: Upstream,
    body: bytes,
    headers: Headers,
    limits: StreamLimits,
    attempts: int = 1,
) -> ModelStream:
    """Asks a model, and returns its answer with the first content in hand. Raises UpstreamError.

    `attempts` above 1 is the retry storm: the call is repeated at once, whatever the provider says.
    """
    permit = upstream.permit()
    started_s = upstream.clock()
    try:
        stream = await _attempt_often(upstream, body, headers, limits, attempts)
    except UpstreamError as error:
        upstream.fail(permit, error)
        raise
    except BaseException:
        upstream.breaker.abandoned(permit)
        raise
    upstream.succeed(permit, started_s)
    return stream


async def _attempt_often(
    upstream: Upstream,
    body: bytes,
    headers: Headers,
    limits: StreamLimits,
    attempts: int,
) -> ModelStream:
    for _ in range(attempts - 1):
        try:
            return await _attempt(upstream, body, headers, limits)
        except UpstreamError as error:
            if isinstance(error, RejectedError):
                raise
            upstream.count_failure(error)
    return await _attempt(upstream, body, headers, limits)


async def _attempt(upstream: Upstream, body: bytes, headers: Headers, limits: StreamLimits) -> ModelStream:
    stream: ModelStream | None = None
    try:
        async with asyncio.timeout(limits.first_token_s):
            response = await upstream.open(CHAT_PATH, body, headers, read_timeout_s=limits.idle_s)
            stream = ModelStream(upstream, response, limits.deadline_s)
            await stream.open()
            return stream
    except BaseException as error:
        if stream is not None:
            await stream.aclose()
        if isinstance(error, TimeoutError):
            raise UpstreamError(upstream.name, "timeout") from None
        raise
