"""Streams and answers of no known family: plain SSE, plain JSON, plain bytes.

Any event with data is content; a stream has no end marker to miss, though `[DONE]` and `event: error` are understood.
"""

from __future__ import annotations

from typing import Any

from harness.engine.transport.dialects.signs import NO_SPAN, Dialect, Signs, Span, table, word


def scan(event: bytes) -> Span:
    if event.startswith(b"data: ") and event.find(b"\n") < 0:
        if not event.startswith((b"{", b"[DONE]"), 6):
            return 6, len(event)
        if event.endswith(b"}") and event.find(b'"error"') < 0:
            return 6, len(event)
    return NO_SPAN


def read_event(name: str, data: Any) -> Signs:
    signs = read_answer(data)
    if name == "error" and signs.error is None:
        signs.error = data or {"message": "error event without data"}
    signs.content = signs.error is None and data not in (None, "")
    signs.text = data if isinstance(data, str) else ""
    return signs


def read_answer(data: Any) -> Signs:
    """JSON of any shape is content. An `error` that is not empty, at the top or in `status` (Qdrant), is an error."""
    answer = table(data)
    error = answer.get("error") or table(answer.get("status")).get("error")
    return Signs(content=True, model=word(answer.get("model")), error=error or None)


SSE = Dialect("sse", scan, read_event, read_answer, has_end=False)
JSON = Dialect("json", scan, read_event, read_answer, has_end=False)
BYTES = Dialect("bytes", scan, read_event, read_answer, has_end=False)
