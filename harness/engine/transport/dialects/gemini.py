"""Gemini `generateContent` and `streamGenerateContent?alt=sse`: no end marker, a `finishReason` in the last chunk.

`usageMetadata` comes with every chunk and is cumulative, so only the chunk with the finish reason is decoded for it.
"""

from __future__ import annotations

from typing import Any

from harness.engine.transport.dialects.signs import (
    NO_SPAN,
    Dialect,
    Signs,
    Span,
    count,
    rows,
    span_after,
    table,
    total,
    word,
)


def scan(event: bytes) -> Span:
    if (
        event.startswith(b"data: {")
        and event.endswith(b"}")
        and event.find(b'"error"') < 0
        and event.find(b'"finishReason"') < 0
        and event.find(b"\n") < 0
    ):
        return span_after(event, b'"text":')
    return NO_SPAN


def read_event(name: str, data: Any) -> Signs:
    signs = read_answer(data)
    if signs.error is None and name == "error":
        signs.error = data
    return signs


def read_answer(data: Any) -> Signs:
    # without alt=sse a stream is one JSON array of chunks; an error may come as an array of one object too
    chunks = [table(c) for c in data] if isinstance(data, list) else [table(data)]
    signs = Signs()
    for chunk in chunks:
        _read_chunk(signs, chunk)
    return signs


def _read_chunk(signs: Signs, chunk: dict[str, Any]) -> None:
    signs.error = signs.error or chunk.get("error")
    signs.model = word(chunk.get("modelVersion")) or signs.model
    usage = table(chunk.get("usageMetadata"))
    if usage:
        signs.tokens_in = count(usage.get("promptTokenCount"))
        signs.tokens_out = total(count(usage.get("candidatesTokenCount")), count(usage.get("thoughtsTokenCount")))
    signs.finish = word(table(chunk.get("promptFeedback")).get("blockReason")) or signs.finish
    for candidate in map(table, rows(chunk.get("candidates"))):
        signs.finish = word(candidate.get("finishReason")) or signs.finish
        for part in map(table, rows(table(candidate.get("content")).get("parts"))):
            signs.add(part.get("text"))
            signs.content = signs.content or bool(part.get("functionCall") or part.get("inlineData"))
    embeddings = [chunk.get("embedding"), *rows(chunk.get("embeddings"))]
    signs.content = signs.content or any(table(e).get("values") for e in embeddings)


GEMINI = Dialect("gemini", scan, read_event, read_answer)
