"""A vector mock without a socket, on a clock that stands still unless told; searches take no time by default."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import orjson

from mock_services.server import Head, Request, Response
from mock_services.service import Context, MockType, parse_settings


class Mock:
    def __init__(self, kind: MockType, headers: dict[bytes, bytes] | None = None, **settings: Any) -> None:
        instant = {"base_ms": 0, "per_doubling_ms": 0, "per_candidate_ms": 0, "points": 300, "dimensions": 32}
        self.now_s = 100.0
        self.context = Context("vector", 42, lambda: self.now_s)
        self.service = kind.build(parse_settings(kind.settings, {**instant, **settings}), self.context)
        self._headers = headers or {}

    async def ask(self, method: str, path: str, body: Any = None) -> Response:
        self.context.loop = asyncio.get_running_loop()
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        answer = self.service.handle(Request(Head(method, path, self._headers, True), data))
        if inspect.isawaitable(answer):
            answer = await answer
        assert isinstance(answer, Response)
        return answer

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = asyncio.run(self.ask(method, path, body))
        return answer.status, orjson.loads(answer.body)

    def statuses(self, times: int, method: str, path: str, body: Any = None) -> list[int]:
        """Of requests that arrive at once."""

        async def scene() -> list[int]:
            answers = await asyncio.gather(*(self.ask(method, path, body) for _ in range(times)))
            return [answer.status for answer in answers]

        return asyncio.run(scene())
