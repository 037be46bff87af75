"""Anthropic messages: `message_start` to `message_stop`, content in blocks; the output count is cumulative."""

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

_DELTA_FIELDS = ("text", "thinking", "partial_json")
_RAW_FIELDS = tuple(f'"{field}":'.encode() for field in _DELTA_FIELDS)


def scan(event: bytes) -> Span:
    if event.startswith(b"event: content_block_delta\ndata: {") and event.endswith(b"}"):
        for key in _RAW_FIELDS:
            span = span_after(event, key)
            if span is not NO_SPAN:
                return span
    return NO_SPAN


def read_event(name: str, data: Any) -> Signs:
    event = table(data)
    kind = word(event.get("type")) or name
    if kind == "error":
        return Signs(error=event.get("error") or event or {"message": "error event without data"})
    signs = Signs(end=kind == "message_stop")
    if kind == "content_block_delta":
        delta = table(event.get("delta"))
        for field in _DELTA_FIELDS:
            signs.add(delta.get(field))
    elif kind == "content_block_start":
        block = table(event.get("content_block"))
        signs.add(block.get("text"))
        signs.content = signs.content or word(block.get("type")).endswith("tool_use")
    elif kind == "message_start":
        message = table(event.get("message"))
        signs.model = word(message.get("model"))
        _read_usage(signs, message)
    elif kind == "message_delta":
        signs.finish = word(table(event.get("delta")).get("stop_reason"))
        _read_usage(signs, event)
    return signs


def read_answer(data: Any) -> Signs:
    answer = table(data)
    signs = Signs(model=word(answer.get("model")), finish=word(answer.get("stop_reason")), error=answer.get("error"))
    if signs.error is None and answer.get("type") == "error":
        signs.error = answer
    _read_usage(signs, answer)
    for block in map(table, rows(answer.get("content"))):
        signs.add(block.get("text"))
        signs.add(block.get("thinking"))
        signs.content = signs.content or word(block.get("type")).endswith("tool_use")
    return signs


def _read_usage(signs: Signs, data: dict[str, Any]) -> None:
    usage = table(data.get("usage"))
    cached = (count(usage.get("cache_creation_input_tokens")), count(usage.get("cache_read_input_tokens")))
    signs.tokens_in = total(count(usage.get("input_tokens")), *cached)
    signs.tokens_out = count(usage.get("output_tokens"))


ANTHROPIC = Dialect("anthropic", scan, read_event, read_answer)
