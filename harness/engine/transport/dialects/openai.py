"""OpenAI chat completions, and what speaks like them: vLLM, SGLang, TGI, Azure, Groq, Mistral, Ollama.

A stream is `data: {chunk}` events, a chunk with a `finish_reason`, perhaps one with `usage` alone, then `data: [DONE]`.
A server whose chunks carry `"finish_reason": null` owes one: a proxy that lost its upstream says `[DONE]` all the same.
The first chunk usually carries a role and an empty content: it is not a token. Embeddings and text completions are read
by the same dialect, since they share the path, the errors and the `usage`.
"""

from __future__ import annotations

from typing import Any

from harness.engine.transport.dialects.signs import NO_SPAN, Dialect, Signs, Span, count, rows, span_after, table, word

_TEXT_FIELDS = ("content", "reasoning_content", "reasoning", "refusal")


def scan(event: bytes) -> Span:
    """One more `delta.content`, and neither an error nor the end. `usage` may repeat in every chunk; the last one is
    never taken by this path, because it carries the finish reason or no content."""
    if event.startswith(b"data: {") and event.endswith(b"}") and event.find(b'"error"') < 0 and event.find(b"\n") < 0:
        finish = event.find(b'"finish_reason"')
        if finish < 0 or event.startswith((b":null", b": null"), finish + 15):
            return span_after(event, b'"content":')
    return NO_SPAN


def read_event(name: str, data: Any) -> Signs:
    chunk = table(data)
    signs = Signs(model=word(chunk.get("model")), error=chunk.get("error") or (data if name == "error" else None))
    _read_usage(signs, chunk)
    for choice in map(table, rows(chunk.get("choices"))):
        _read_message(signs, table(choice.get("delta")))
        signs.add(choice.get("text"))  # text completions
        signs.finish = word(choice.get("finish_reason")) or signs.finish
        signs.finish_due = signs.finish_due or "finish_reason" in choice
    return signs


def read_answer(data: Any) -> Signs:
    answer = table(data)
    signs = Signs(model=word(answer.get("model")), error=answer.get("error"))
    _read_usage(signs, answer)
    for choice in map(table, rows(answer.get("choices"))):
        _read_message(signs, table(choice.get("message")))
        signs.add(choice.get("text"))
        signs.finish = word(choice.get("finish_reason")) or signs.finish
    for item in map(table, rows(answer.get("data"))):  # embeddings: a list of floats or base64
        signs.content = signs.content or bool(item.get("embedding"))
    return signs


def _read_message(signs: Signs, message: dict[str, Any]) -> None:
    for field in _TEXT_FIELDS:
        signs.add(message.get(field))
    for call in map(table, rows(message.get("tool_calls"))):
        _read_call(signs, table(call.get("function")))
    _read_call(signs, table(message.get("function_call")))
    signs.content = signs.content or bool(message.get("audio"))


def _read_call(signs: Signs, function: dict[str, Any]) -> None:
    signs.add(function.get("arguments"))
    signs.content = signs.content or bool(function.get("name"))


def _read_usage(signs: Signs, data: dict[str, Any]) -> None:
    usage = table(data.get("usage"))
    signs.tokens_in = count(usage.get("prompt_tokens"))
    signs.tokens_out = count(usage.get("completion_tokens"))


OPENAI = Dialect("openai", scan, read_event, read_answer)
