"""One dependency of copilot: its address, its circuit breaker, its counts, and what its failures mean."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx
import orjson

from mock_services.copilot.breaker import Breaker, Permit

Headers = Sequence[tuple[bytes, bytes]]
_Answer = TypeVar("_Answer")
_LARGEST_BODY_BYTES = 4 * 1024 * 1024
_CALLERS_FAULT = frozenset({400, 404, 405, 413, 415, 422})


class UpstreamError(Exception):
    """An upstream call that did not give what it was made for. `status` is 0 where no response came."""

    def __init__(self, upstream: str, reason: str, status: int = 0, retry_after_s: float | None = None) -> None:
        super().__init__(f"{upstream}: {reason}")
        self.upstream = upstream
        self.reason = reason
        self.status = status
        self.retry_after_s = retry_after_s


class RejectedError(UpstreamError):
    """The upstream says that the request itself is wrong: no other upstream would take it either."""

    def __init__(self, upstream: str, status: int, body: bytes) -> None:
        super().__init__(upstream, "rejected the request", status)
        self.body = body


class Upstream:
    """Calls to one base URL. Every call asks the breaker first and tells it how it went."""

    def __init__(
        self,
        name: str,
        url: str,
        client: httpx.AsyncClient,
        breaker: Breaker,
        *,
        clock: Callable[[], float],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.breaker = breaker
        self.clock = clock
        self.calls = 0
        self.failures: dict[str, int] = {}
        self.skipped = 0
        """Calls not made because the breaker, or the upstream's own hint, said so."""
        self._client = client
        self._base = httpx.URL(url)
        self._urls: dict[str, httpx.URL] = {}
        own = {"content-type": "application/json", "accept-encoding": "identity", **(headers or {})}
        host = self._base.netloc
        self._headers = [(b"host", host), *((k.encode(), v.encode()) for k, v in own.items())]

    def permit(self) -> Permit:
        """Leave for one call, to be settled by `succeed`, `fail` or `breaker.abandoned`. Raises UpstreamError."""
        permit = self.breaker.permit(self.clock())
        if permit is None:
            self.skipped += 1
            raise UpstreamError(self.name, "is left alone for now", retry_after_s=self.wait_s())
        return permit

    def succeed(self, permit: Permit, took_s: float) -> None:
        self.breaker.succeeded(permit, self.clock(), took_s)

    def fail(self, permit: Permit, error: UpstreamError) -> None:
        """Notes how a call failed; a call that was the caller's own fault leaves the breaker as it is."""
        self.count_failure(error)
        if isinstance(error, RejectedError):
            self.breaker.abandoned(permit)
        else:
            self.breaker.failed(permit, self.clock(), error.retry_after_s)

    def count_failure(self, error: UpstreamError) -> None:
        self.failures[error.reason] = self.failures.get(error.reason, 0) + 1

    def wait_s(self) -> float:
        return self.breaker.wait_s(self.clock())

    async def open(
        self, path: str, body: bytes, headers: Headers, read_timeout_s: float | None = None, method: str = "POST"
    ) -> httpx.Response:
        """Sends a request; the response's head is in, its body is still to be read. Raises UpstreamError."""
        self.calls += 1
        url = self._urls.get(path) or self._urls.setdefault(path, self._base.join(path))
        length = (b"content-length", str(len(body)).encode())
        timeout = {"connect": None, "read": read_timeout_s, "write": None, "pool": None}
        request = httpx.Request(
            method, url, headers=[*self._headers, *headers, length], content=body, extensions={"timeout": timeout}
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise self.broken(error) from error
        if response.is_success:
            return response
        try:
            raise self._refusal(response, await self.read(response))
        finally:
            await response.aclose()

    async def ask(self, path: str, question: Mapping[str, Any], headers: Headers, within_s: float | None) -> Any:
        """A JSON question, its JSON answer, at most `within_s` seconds. Raises UpstreamError."""

        async def exchange() -> Any:
            response = await self.open(path, orjson.dumps(question), headers)
            try:
                return orjson.loads(await self.read(response))
            except orjson.JSONDecodeError as garbled:
                raise UpstreamError(self.name, "malformed", 200) from garbled
            finally:
                await response.aclose()

        return await self.work(exchange, within_s)

    async def work(self, exchange: Callable[[], Awaitable[_Answer]], within_s: float | None) -> _Answer:
        """What `exchange` gives, with the breaker's leave and within so many seconds. Raises UpstreamError."""
        permit = self.permit()
        started_s = self.clock()
        try:
            async with asyncio.timeout(within_s):
                answer = await exchange()
        except TimeoutError:
            error = UpstreamError(self.name, "timeout")
            self.fail(permit, error)
            raise error from None
        except UpstreamError as error:
            self.fail(permit, error)
            raise
        except BaseException:
            self.breaker.abandoned(permit)
            raise
        self.succeed(permit, self.clock() - started_s)
        return answer

    async def read(self, response: httpx.Response) -> bytes:
        """The whole body, within bounds. Raises UpstreamError."""
        pieces: list[bytes] = []
        size = 0
        try:
            async for piece in response.aiter_raw():
                size += len(piece)
                if size > _LARGEST_BODY_BYTES:
                    raise UpstreamError(self.name, "too large", response.status_code)
                pieces.append(piece)
        except httpx.HTTPError as error:
            raise self.broken(error, response.status_code) from error
        return b"".join(pieces)

    def broken(self, error: httpx.HTTPError, status: int = 0) -> UpstreamError:
        if isinstance(error, httpx.TimeoutException):
            return UpstreamError(self.name, "timeout", status)
        return UpstreamError(self.name, "connection", status)

    def _refusal(self, response: httpx.Response, body: bytes) -> UpstreamError:
        status = response.status_code
        if status in _CALLERS_FAULT:
            return RejectedError(self.name, status, body)
        hint_s = read_retry_after(response.headers, time.time())
        return UpstreamError(self.name, "throttled" if status == 429 else "status", status, hint_s)


def read_retry_after(headers: Mapping[str, str], now_unix_s: float) -> float | None:
    """Seconds until the upstream wants to be called again: `retry-after-ms`, or `Retry-After` in seconds or as a date.

    None where no hint, an unreadable one, or one that is not in the future is given.
    """
    milliseconds, text = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    hint_s = _number(milliseconds) / 1000 or _number(text)
    if not hint_s and text:
        try:
            hint_s = email.utils.parsedate_to_datetime(text).timestamp() - now_unix_s
        except (ValueError, OverflowError):
            return None
    return hint_s if 0 < hint_s < float("inf") else None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
