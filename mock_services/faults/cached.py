"""A cache that nobody declared: a request that was asked before is answered at once, from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Filter
from mock_services.server import Answer, Request, Response, Stream, Writer


class Cached(Fault):
    """Exact bodies only. Nothing in a hit says that it is one; a stream's comes in one piece."""

    entries: int = Field(default=10_000, ge=1, le=100_000, description="kept; what comes later is not")

    async def before(self, request: Request, moment: Moment) -> Response | None:
        key = _key(request)
        body = moment.memory.get(key)
        if body is None:
            return None
        kind = "application/json" if body[:1] in (b"{", b"[") else "text/event-stream; charset=utf-8"
        return Response(200, body, content_type=kind)

    def response(self, request: Request, answer: Answer, moment: Moment) -> Answer:
        if not isinstance(answer, Stream) and answer.status == 200:
            self._keep(request, answer.body, moment)
        return answer

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return _Recording(writer, lambda body: self._keep(request, body, moment))

    def _keep(self, request: Request, body: bytes, moment: Moment) -> None:
        if len(moment.memory) < self.entries:
            moment.memory[_key(request)] = body


class _Recording(Filter):
    def __init__(self, writer: Writer, keep: Callable[[bytes], None]) -> None:
        super().__init__(writer)
        self._keep = keep
        self._said: list[bytes] = []

    def send(self, data: bytes) -> None:
        self._said.append(data)
        self.writer.send(data)

    def finish(self) -> None:
        self._keep(b"".join(self._said))
        self.writer.finish()


def _key(request: Request) -> str:
    asked = hashlib.blake2b(request.body, digest_size=16).hexdigest()
    return f"{request.method} {request.path}?{request.query_string} {asked}"
