"""A model's streamed answer, opened up to its first content, so that a failure before it can still go elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import cast

import httpx

from mock_services.copilot.breaker import Permit
from mock_services.copilot.sse import Event, EventReader
from mock_services.copilot.upstream import Headers, RejectedError, Upstream, UpstreamError

CHAT_PATH = "/v1/chat/completions"
_FEWEST_PIECES = 8
"""A pace is judged on so many pieces of text, at least."""


@dataclass(frozen=True)
class StreamLimits:
    """Seconds to the first content and between two pieces (None is no limit), and when the caller's budget is spent."""

    first_token_s: float | None
    idle_s: float | None
    deadline_s: float
    pace_s: float = float("inf")
    """Between two pieces in the mean; an answer that is slower is whole, and counts as a failure of its model."""


class ModelStream:
    """A stream whose first content has come; `next_piece` gives the bytes to pass on.

    What was said so far is in `text`, `model`, `finish_reason` and `usage`. A stream that breaks, falls silent, holds
    an error or ends without its end marker raises UpstreamError; the bytes before that have been given. The breaker is
    told at the end: an answer that breaks off is a failure, however well it began.
    """

    def __init__(self, upstream: Upstream, permit: Permit, response: httpx.Response, limits: StreamLimits) -> None:
        self.model = ""
        self.finish_reason = ""
        self.usage: dict[str, object] | None = None
        self._upstream = upstream
        self._response = response
        self._permit: Permit | None = permit
        self._limits = limits
        self._first_content_after_s = self._last_content_s = self._first_content_s = 0.0
        self._source = cast(AsyncGenerator[bytes], response.aiter_raw())
        self._reader = EventReader()
        self._ready: list[Event] = []
        self._text: list[str] = []
        self._failure: UpstreamError | None = None
        self._is_ended = False

    @property
    def text(self) -> str:
        return "".join(self._text)

    async def open(self, started_s: float) -> None:
        """Reads up to the first content. Raises UpstreamError when the stream ends or breaks before it.

        `started_s` is when the model was asked.
        """
        if "text/event-stream" not in self._response.headers.get("content-type", ""):
            raise UpstreamError(self._upstream.name, "malformed", 200)
        while not self._text:
            if self._is_ended:
                raise UpstreamError(self._upstream.name, "empty", 200)
            self._ready += await self._next_events()
        self._first_content_after_s = self._upstream.clock() - started_s

    async def next_piece(self) -> bytes:
        """Whole events to pass on; empty at the proper end. Raises UpstreamError where the stream breaks."""
        if not self._ready and not self._is_ended:
            try:
                self._ready = await self._next_events()
            except UpstreamError as error:
                self._settle(error)
                raise
        if self._is_ended:
            self._settle(None)
        piece = b"".join([event.raw for event in self._ready])
        self._ready = []
        return piece

    async def aclose(self) -> None:
        """Lets go of the model; one that is still talking sees the connection close."""
        if self._permit is not None:  # the caller left in the middle
            self._upstream.breaker.abandoned(self._permit)
            self._permit = None
        await self._source.aclose()
        await self._response.aclose()

    def _settle(self, error: UpstreamError | None) -> None:
        permit, self._permit = self._permit, None
        if permit is None:
            return
        if error is None and self._is_too_slow:
            error = UpstreamError(self._upstream.name, "slow stream", 200)
        if error is None:
            self._upstream.succeed(permit, self._first_content_after_s)
        else:
            self._upstream.fail(permit, error)

    @property
    def _is_too_slow(self) -> bool:
        gaps, took_s = len(self._text) - 1, self._last_content_s - self._first_content_s
        return gaps >= _FEWEST_PIECES and took_s > gaps * self._limits.pace_s

    async def _next_events(self) -> list[Event]:
        """The next whole events, all of them good; a failure is raised once the good events before it were given."""
        if self._failure is not None:
            raise self._failure
        if self._upstream.clock() >= self._limits.deadline_s:
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
            self._last_content_s = self._upstream.clock()
            self._first_content_s = self._first_content_s if self._text else self._last_content_s
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
    try:
        for _ in range(attempts - 1):
            try:
                return await _attempt(upstream, permit, body, headers, limits)
            except UpstreamError as error:
                if isinstance(error, RejectedError):
                    raise
                upstream.count_failure(error)
        return await _attempt(upstream, permit, body, headers, limits)
    except UpstreamError as error:
        upstream.fail(permit, error)
        raise
    except BaseException:
        upstream.breaker.abandoned(permit)
        raise


async def _attempt(
    upstream: Upstream, permit: Permit, body: bytes, headers: Headers, limits: StreamLimits
) -> ModelStream:
    started_s = upstream.clock()
    response: httpx.Response | None = None
    try:
        async with asyncio.timeout(limits.first_token_s):
            response = await upstream.open(CHAT_PATH, body, headers, read_timeout_s=limits.idle_s)
            stream = ModelStream(upstream, permit, response, limits)
            await stream.open(started_s)
            return stream
    except BaseException as error:
        if response is not None:
            await response.aclose()
        if isinstance(error, TimeoutError):
            raise UpstreamError(upstream.name, "timeout") from None
        raise
