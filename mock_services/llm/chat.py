"""Chat completions: the whole answer, and the stream of chunks."""

from __future__ import annotations

from typing import Any

import orjson

from mock_services.llm.provider import Call, Shape
from mock_services.server import Headers, Response, json_response

FINGERPRINT = "fp_peakproof"
DONE = b"data: [DONE]\n\n"


def chat_id(call: Call) -> str:
    return f"chatcmpl-{call.id:029x}"


def usage_object(call: Call) -> dict[str, Any]:
    output = call.output_tokens
    return {
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": output,
        "total_tokens": call.prompt_tokens + output,
        "prompt_tokens_details": {"cached_tokens": call.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def chat_response(call: Call, created: int, headers: Headers, **extra: Any) -> Response:
    message: dict[str, Any] = {"role": "assistant", "content": call.text.whole(), "refusal": None, "annotations": []}
    choices = [
        {"index": i, "message": message, "logprobs": None, "finish_reason": call.finish} for i in range(call.choices)
    ]
    body = {
        "id": chat_id(call),
        "object": "chat.completion",
        "created": created,
        "model": call.model,
        "choices": choices,
        "usage": usage_object(call),
        "system_fingerprint": FINGERPRINT,
        **extra,
    }
    return json_response(200, body, headers)


def chat_shape(call: Call, created: int, include_usage: bool, **extra: Any) -> Shape:
    """A role chunk, a chunk a token, the finish chunk, the usage chunk where asked for, `[DONE]`."""
    base = {
        "id": chat_id(call),
        "object": "chat.completion.chunk",
        "created": created,
        "model": call.model,
        "system_fingerprint": FINGERPRINT,
        **extra,
    }
    if include_usage:
        base["usage"] = None

    def frame(choices: list[dict[str, Any]], **more: Any) -> bytes:
        return b"data: " + orjson.dumps({**base, "choices": choices, **more}) + b"\n\n"

    def choice(index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}

    opening = tuple(
        frame([choice(i, {"role": "assistant", "content": "", "refusal": None})]) for i in range(call.choices)
    )
    halves = [frame([choice(i, {"content": "\x00"})]).split(b"\\u0000") for i in range(call.choices)]
    (before, after) = halves[0]

    def token(_: int, piece: bytes) -> bytes:
        if len(halves) == 1:
            return before + piece + after
        return b"".join(b + piece + a for b, a in halves)

    def closing() -> tuple[bytes, ...]:
        ends = tuple(frame([choice(i, {}, call.finish)]) for i in range(call.choices))
        usage = (frame([], usage=usage_object(call)),) if include_usage else ()
        return (*ends, *usage, DONE)

    return Shape(opening, token, closing)
