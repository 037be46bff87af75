"""A stage for copilot: upstreams as plain functions, a clock that stands still, and a caller that speaks ASGI."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from mock_services.copilot.app import build_app
from mock_services.copilot.settings import Settings

Upstream = Callable[[httpx.Request], Awaitable[httpx.Response]]


def chunk(content: str | None = None, finish: str | None = None, **extra: Any) -> bytes:
    delta = {} if content is None else {"content": content}
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": extra.pop("model", "gpt-main"),
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **extra,
    }
    return b"data: " + orjson.dumps(body) + b"\n\n"


ROLE = b'data: {"model":"gpt-main","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
ERROR = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
DONE = b"data: [DONE]\n\n"
NEVER = b"<never>"
BREAK = b"<break>"


class Pieces(httpx.AsyncByteStream):
    """A body in pieces; NEVER is silence (until the read timeout, if there is one), BREAK a lost connection."""

    def __init__(self, pieces: list[bytes], read_timeout_s: float | None = None) -> None:
        self._pieces = pieces
        self._read_timeout_s = read_timeout_s
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if piece == NEVER:
                try:
                    await asyncio.wait_for(asyncio.Event().wait(), self._read_timeout_s)
                except TimeoutError as error:
                    raise httpx.ReadTimeout("the peer fell silent") from error
            if piece == BREAK:
                raise httpx.RemoteProtocolError("the peer closed the connection")
            yield piece

    async def aclose(self) -> None:
        self.is_closed = True


def says(*pieces: bytes, status: int = 200, kind: str = "text/event-stream", **headers: str) -> Upstream:
    async def answer(request: httpx.Request) -> httpx.Response:
        named = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return httpx.Response(status, headers=named, stream=Pieces(list(pieces), request.extensions["timeout"]["read"]))

    return answer


def refuses(status: int, **headers: str) -> Upstream:
    return says(b'{"error":{"message":"no"}}', status=status, kind="application/json", **headers)


def streams(*words: str, model: str = "gpt-main") -> Upstream:
    chunks = [chunk(word, model=model) for word in words]
    return says(ROLE, *chunks, chunk(finish="stop", model=model), DONE)


async def is_dead(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def hangs(_: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def answers(body: Any) -> Upstream:
    return says(orjson.dumps(body), kind="application/json")


embeds = answers({"data": [{"embedding": [0.5, 0.5]}]})
_POINT = {"id": 1, "score": 0.9, "payload": {"text": "Refunds take ten days."}}
finds = answers({"result": {"points": [_POINT]}, "status": "ok"})


async def uses_tool(request: httpx.Request) -> httpx.Response:
    return await answers({"result": f"called {request.url.path}"})(request)


@dataclass
class Reply:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    is_ended: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def text(self) -> str:
        """What the assistant said, streamed or not."""
        if "event-stream" not in self.headers["content-type"]:
            content: str = orjson.loads(self.body)["choices"][0]["message"]["content"]
            return content
        said = []
        for event in self.body.split(b"\n\n"):
            if event.startswith(b"data: {"):
                choices = orjson.loads(event[6:]).get("choices") or [{"delta": {}}]
                said.append(choices[0]["delta"].get("content") or "")
        return "".join(said)


class Stage(httpx.AsyncBaseTransport):
    """The upstreams by role, and what was asked of each."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.primary: Upstream = streams("Hello", " there")
        self.fallback: Upstream = streams("Plan", " B", model="gpt-small")
        self.embeddings: Upstream = embeds
        self.vector: Upstream = finds
        self.tools: Upstream = uses_tool
        self.asked: dict[str, list[httpx.Request]] = {}
        self.app: Any = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        role = "embeddings" if request.url.path == "/v1/embeddings" else request.url.host
        await request.aread()
        self.asked.setdefault(role, []).append(request)
        upstream: Upstream = getattr(self, role)
        return await upstream(request)

    def calls(self) -> Counter[str]:
        return Counter({role: len(requests) for role, requests in self.asked.items()})

    def body(self, role: str, index: int = -1) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(self.asked[role][index].content)
        return body

    def opens(self, **changes: Any) -> None:
        values: dict[str, Any] = {
            "primary_url": "http://primary",
            "fallback_url": "http://fallback",
            "vector_url": "http://vector",
            "tools_url": "http://tools",
            "tool_share": 0.0,
            **changes,
        }
        self.app = build_app(Settings(**values), self, lambda: self.now_s)

    async def ask(self, text: str = "How long do refunds take?", *, stream: bool = True, **rest: Any) -> Reply:
        body = {"messages": [{"role": "user", "content": text}], "stream": stream, **rest}
        return await self.call("POST", "/v1/chat/completions", orjson.dumps(body))

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        leaves: asyncio.Event | None = None,
        query: str = "",
    ) -> Reply:
        """One ASGI exchange; the caller goes away once `leaves` is set."""
        reply = Reply()
        inbox = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if inbox:
                return inbox.pop()
            await (leaves or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                reply.status = message["status"]
                reply.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                reply.pieces.append(message["body"])
                reply.is_ended = not message.get("more_body", False)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await self.app(scope, receive, send)
        return reply
