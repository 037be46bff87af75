"""The Responses API: the whole answer, and the stream of typed events with their sequence numbers."""

from __future__ import annotations

from typing import Any

import orjson

from mock_services.llm.provider import Call, Shape
from mock_services.server import Headers, Response, json_response


def _response_object(call: Call, created: int, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    usage = None
    if status == "completed":
        usage = {
            "input_tokens": call.prompt_tokens,
            "input_tokens_details": {"cached_tokens": call.cached_tokens},
            "output_tokens": call.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": call.prompt_tokens + call.output_tokens,
        }
    return {
        "id": f"resp_{call.id:032x}",
        "object": "response",
        "created_at": created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": call.max_tokens,
        "model": call.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": {},
    }


def _message(call: Call, text: str, status: str) -> dict[str, Any]:
    content = [_part(text)] if status == "completed" else []
    return {"type": "message", "id": f"msg_{call.id:032x}", "status": status, "role": "assistant", "content": content}


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def responses_response(call: Call, created: int, headers: Headers) -> Response:
    output = [_message(call, call.text.whole(), "completed")]
    return json_response(200, _response_object(call, created, "completed", output), headers)


def responses_shape(call: Call, created: int) -> Shape:
    item = f"msg_{call.id:032x}"
    place = {"item_id": item, "output_index": 0, "content_index": 0}

    def event(kind: str, number: int, **fields: Any) -> bytes:
        body = {"type": kind, "sequence_number": number, **fields}
        return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"

    started = _response_object(call, created, "in_progress", [])
    opening = (
        event("response.created", 0, response=started),
        event("response.in_progress", 1, response=started),
        event("response.output_item.added", 2, output_index=0, item=_message(call, "", "in_progress")),
        event("response.content_part.added", 3, **place, part=_part("")),
    )
    before, after = event("response.output_text.delta", -77, **place, delta="\x00", logprobs=[]).split(b"\\u0000")
    head, tail = before.split(b"-77")

    def token(index: int, piece: bytes) -> bytes:
        return b"%b%d%b%b%b" % (head, index + 4, tail, piece, after)

    def closing() -> tuple[bytes, ...]:
        text, n = call.text.whole(), call.text.length + 4
        message = _message(call, text, "completed")
        return (
            event("response.output_text.done", n, **place, text=text, logprobs=[]),
            event("response.content_part.done", n + 1, **place, part=_part(text)),
            event("response.output_item.done", n + 2, output_index=0, item=message),
            event("response.completed", n + 3, response=_response_object(call, created, "completed", [message])),
        )

    return Shape(opening, token, closing)
