"""Status 200 and the wrong thing: nothing, what was true a while ago, or another request's answer."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Filter
from mock_services.server import Answer, Request, Response, Stream, Writer

_LISTS = {"points", "matches", "results", "ids", "documents", "distances", "metadatas", "data", "result", "items"}


class Results(Fault):
    how: Literal["empty", "stale", "wrong"] = Field(
        default="empty",
        description="empty: no hits, no text; stale: always the first answer since the fault began; "
        "wrong: the answer of the request before",
    )

    def response(self, request: Request, answer: Answer, moment: Moment) -> Answer:
        if isinstance(answer, Stream) or answer.status != 200:
            return answer
        if self.how == "empty":
            return Response(answer.status, _emptied(answer.body), answer.headers, answer.content_type)
        key = f"{request.method} {request.path}"
        kept = moment.memory.get(key, answer.body)
        if self.how == "wrong" or key not in moment.memory:
            moment.memory[key] = answer.body
        return Response(answer.status, kept, answer.headers, answer.content_type)

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return _Empty(writer) if self.how == "empty" else writer


def _emptied(body: bytes) -> bytes:
    try:
        return orjson.dumps(_empty(orjson.loads(body)))
    except ValueError:
        return b""


def _empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: [] if key in _LISTS and isinstance(item, list) else "" if key == "content" else _empty(item)
            for key, item in value.items()
        }
    return [_empty(item) for item in value] if isinstance(value, list) else value


class _Empty(Filter):
    """Only the stream's last event comes: the end marker after nothing."""

    _last = b""

    def send(self, data: bytes) -> None:
        self._last = data

    def finish(self) -> None:
        self.writer.send(self._last)
        self.writer.finish()
