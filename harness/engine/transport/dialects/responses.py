"""OpenAI responses: named events; deltas of text, reasoning and arguments; the end is an event of its own."""

from __future__ import annotations

from typing import Any

from harness.engine.transport.dialects.signs import NO_SPAN, Dialect, Signs, Span, count, rows, span_after, table, word

_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


def scan(event: bytes) -> Span:
    if event.startswith(b"event: response.output_text.delta\ndata: {") and event.endswith(b"}"):
        return span_after(event, b'"delta":')
    return NO_SPAN


def read_event(name: str, data: Any) -> Signs:
    event = table(data)
    kind = word(event.get("type")) or name
    if kind == "error":
        return Signs(error=event.get("error") or event or {"message": "error event without data"})
    if kind.endswith(".delta"):
        signs = Signs()
        signs.add(event.get("delta"))
        return signs
    response = table(event.get("response"))
    signs = Signs(model=word(response.get("model")))
    if kind in _ENDS:
        # the whole answer is repeated here: it was counted as deltas, and a stream without any is still an answer
        signs = read_answer(response)
        signs.end = True
        signs.content, signs.text = False, ""
        if kind == "response.failed" and signs.error is None:
            signs.error = {"message": "response.failed"}
    return signs


def read_answer(data: Any) -> Signs:
    answer = table(data)
    usage = table(answer.get("usage"))
    status = word(answer.get("status"))
    signs = Signs(
        model=word(answer.get("model")),
        tokens_in=count(usage.get("input_tokens")),
        tokens_out=count(usage.get("output_tokens")),
        finish=word(table(answer.get("incomplete_details")).get("reason")) or status,
        error=answer.get("error") or ({"message": f"status {status}"} if status in ("failed", "cancelled") else None),
    )
    for item in map(table, rows(answer.get("output"))):
        for part in map(table, rows(item.get("content"))):
            signs.add(part.get("text"))
            signs.add(part.get("refusal"))
        signs.add(item.get("arguments"))
        signs.content = signs.content or word(item.get("type")) in ("function_call", "custom_tool_call")
    return signs


RESPONSES = Dialect("responses", scan, read_event, read_answer)
