"""A tool mock without a socket, on a clock that stands still unless told."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import orjson

from mock_services.server import Head, Request, Response, Stream
from mock_services.service import Context, MockType, change_settings, parse_settings


class Sink:
    """A writer that keeps what it is given."""

    closed = False

    def __init__(self) -> None:
        self.data = b""

    def send(self, data: bytes) -> None:
        self.data += data

    def finish(self) -> None:
        self.closed = True


class Mock:
    def __init__(self, kind: MockType, headers: dict[str, str] | None = None, **settings: Any) -> None:
        self.now_s = 7200.0
        self.context = Context("tool", 42, lambda: self.now_s)
        self.service = kind.build(parse_settings(kind.settings, {"latency_ms": 0, **settings}), self.context)
        self._headers = headers or {}

    def change(self, **changes: Any) -> None:
        self.service.change(change_settings(self.service.settings, changes))

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """A stream's events become the body."""
        self.context.loop = asyncio.get_running_loop()
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        named = {**self._headers, **headers}
        sent = {name.replace("_", "-").encode(): value.encode() for name, value in named.items()}
        answer = self.service.handle(Request(Head(method, path, sent, True), data))
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Stream):
            sink = Sink()
            answer.start(sink)  # type: ignore[arg-type]
            return Response(answer.status, sink.data, answer.headers, answer.content_type)
        assert isinstance(answer, Response)
        return answer

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        answer = asyncio.run(self.ask(method, path, body, **headers))
        is_json = answer.content_type == "application/json" and answer.body
        return answer.status, orjson.loads(answer.body) if is_json else answer.body, dict(answer.headers)

    def statuses(self, times: int, *asked: Any, **headers: str) -> list[int]:
        """Of requests that arrive at once."""

        async def scene() -> list[int]:
            answers = await asyncio.gather(*(self.ask(*asked, **headers) for _ in range(times)))
            return [answer.status for answer in answers]

        return asyncio.run(scene())
