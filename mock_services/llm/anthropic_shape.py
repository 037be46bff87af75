"""Messages as Anthropic says them: the whole message, and the events from `message_start` to `message_stop`."""

from __future__ import annotations

from typing import Any

import orjson

from mock_services.llm.provider import Call, Shape
from mock_services.server import Headers, Response, json_response


def _usage(call: Call, written: int, output: int) -> dict[str, Any]:
    return {
        "input_tokens": call.prompt_tokens - call.cached_tokens - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": call.cached_tokens,
        "output_tokens": output,
        "service_tier": "standard",
    }


def _message(call: Call, written: int, text: str | None) -> dict[str, Any]:
    return {
        "id": f"msg_{call.id:022x}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [] if text is None else [{"type": "text", "text": text}],
        "stop_reason": None if text is None else _stop_reason(call),
        "stop_sequence": None,
        "usage": _usage(call, written, 1 if text is None else call.output_tokens),
    }


def _stop_reason(call: Call) -> str:
    return "max_tokens" if call.finish == "length" else "end_turn"


def message_response(call: Call, written: int, headers: Headers) -> Response:
    return json_response(200, _message(call, written, call.text.whole()), headers)


def message_shape(call: Call, written: int) -> Shape:
    def event(kind: str, **fields: Any) -> bytes:
        return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"

    opening = (
        event("message_start", message=_message(call, written, None)),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
    )
    delta = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "\x00"})
    before, after = delta.split(b"\\u0000")

    def token(_: int, piece: bytes) -> bytes:
        return before + piece + after

    def closing() -> tuple[bytes, ...]:
        stop = {"stop_reason": _stop_reason(call), "stop_sequence": None}
        return (
            event("content_block_stop", index=0),
            event("message_delta", delta=stop, usage=_usage(call, written, call.output_tokens)),
            event("message_stop"),
        )

    return Shape(opening, token, closing)
