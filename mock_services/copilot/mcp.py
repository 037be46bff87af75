"""A tool server that speaks MCP (streamable HTTP): one session for all requests, renewed where the server has lost it.

A stream that ends before its answer is fetched again with Last-Event-ID, as the protocol says.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import httpx
import orjson

from mock_services.copilot.upstream import Headers, RejectedError, Upstream, UpstreamError

PATH = "/mcp"
PROTOCOL = "2025-06-18"
_ATTEMPTS = 3
"""With a new session each: one that all requests share may be lost again before its turn."""
_RESUMES = 2
"""A cut stream is fetched again so often."""
_LARGEST_EVENT_BYTES = 4 * 1024 * 1024
_ACCEPT = (b"accept", b"application/json, text/event-stream")


class LostSessionError(Exception):
    """The server does not know the session (any more)."""


class McpTools:
    """Calls tools of one server. With `is_stale` a lost session is not renewed, nor a cut stream fetched again."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._session = ""
        self._opening = asyncio.Lock()
        self._numbers = itertools.count(1)

    async def call(
        self, name: str, arguments: Mapping[str, Any], headers: Headers, within_s: float | None, *, is_stale: bool
    ) -> str:
        """The text of a tool's result. Raises UpstreamError."""

        async def exchange() -> str:
            for _ in range(1 if is_stale else _ATTEMPTS):
                try:
                    return await self._call(name, arguments, headers, is_stale=is_stale)
                except LostSessionError:
                    continue
            raise UpstreamError(self._upstream.name, "lost session", 404)

        return await self._upstream.work(exchange, within_s)

    async def _call(self, name: str, arguments: Mapping[str, Any], headers: Headers, *, is_stale: bool) -> str:
        session = await self._open_session(headers)
        parameters = {"name": name, "arguments": arguments}
        try:
            answer = await self._answer(session, parameters, headers, resumes=0 if is_stale else _RESUMES)
        except RejectedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            if not is_stale and self._session == session:  # the first to see it; others may have a new one by now
                self._session = ""
            raise LostSessionError from None
        try:
            result = answer["result"]
            text = str(result["content"][0]["text"])
        except (KeyError, IndexError, TypeError):
            raise UpstreamError(self._upstream.name, "malformed", 200) from None
        if result.get("isError"):
            raise UpstreamError(self._upstream.name, "tool error", 200)
        return text

    async def _open_session(self, headers: Headers) -> str:
        async with self._opening:  # one request opens it, the others wait
            if not self._session:
                client = {"name": "copilot", "version": "1"}
                parameters = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
                response = await self._post("initialize", parameters, headers)
                try:
                    await self._upstream.read(response)
                    session = response.headers.get("mcp-session-id", "")
                finally:
                    await response.aclose()
                done = await self._post("notifications/initialized", None, [*headers, *_session(session)])
                await done.aclose()
                self._session = session
            return self._session

    async def _answer(self, session: str, parameters: Mapping[str, Any], headers: Headers, resumes: int) -> Any:
        """The JSON-RPC answer, whether it comes as JSON or as a stream of events."""
        sent = [*headers, *_session(session)]
        response = await self._post("tools/call", parameters, sent)
        for resumed in range(resumes + 1):
            last_id = ""
            try:
                if "text/event-stream" not in response.headers.get("content-type", ""):
                    return orjson.loads(await self._upstream.read(response))
                async with aclosing(_events(response)) as events:
                    async for event_id, data in events:
                        last_id = event_id or last_id
                        if data:
                            return orjson.loads(data)
            except httpx.HTTPError as error:
                if not last_id:
                    raise self._upstream.broken(error, 200) from error
            except orjson.JSONDecodeError:
                raise UpstreamError(self._upstream.name, "malformed", 200) from None
            finally:
                await response.aclose()
            if not last_id or resumed == resumes:
                break
            after = [*sent, (b"last-event-id", last_id.encode())]
            response = await self._upstream.open(PATH, b"", [*after, _ACCEPT], method="GET")
        raise UpstreamError(self._upstream.name, "truncated", 200)

    async def _post(self, method: str, parameters: Mapping[str, Any] | None, headers: Headers) -> httpx.Response:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if parameters is not None:
            message |= {"id": next(self._numbers), "params": parameters}
        return await self._upstream.open(PATH, orjson.dumps(message), [*headers, _ACCEPT])


def _session(session: str) -> list[tuple[bytes, bytes]]:
    named = [(b"mcp-session-id", session.encode())] if session else []
    return [(b"mcp-protocol-version", PROTOCOL.encode()), *named]


async def _events(response: httpx.Response) -> AsyncGenerator[tuple[str, bytes]]:
    """(id, data) of each whole event. Raises httpx.HTTPError where the stream breaks."""
    held = b""
    async for piece in response.aiter_raw():
        held += piece.replace(b"\r\n", b"\n")
        if len(held) > _LARGEST_EVENT_BYTES:
            raise httpx.ReadError("an event that does not end")
        while b"\n\n" in held:
            block, held = held.split(b"\n\n", 1)
            fields = [line.partition(b":") for line in block.split(b"\n")]
            data = b"\n".join(value.strip() for name, _, value in fields if name == b"data")
            event_id = next((value.strip().decode() for name, _, value in fields if name == b"id"), "")
            yield event_id, data
