"""Answers as Gemini gives them: one object whole; in a stream, the same object piece by piece, as SSE or as a "
"JSON array."""

from __future__ import annotations

from typing import Any

import orjson

from mock_services.llm.provider import Call, Shape
from mock_services.server import Response, json_response


def candidate(text: str, finish: str | None) -> dict[str, Any]:
    one: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    return {**one, "finishReason": finish} if finish else one


def _usage(call: Call, output: int) -> dict[str, Any]:
    return {
        "promptTokenCount": call.prompt_tokens,
        "candidatesTokenCount": output,
        "totalTokenCount": call.prompt_tokens + output,
    }


def _finish(call: Call) -> str:
    return "MAX_TOKENS" if call.finish == "length" else "STOP"


def _object(call: Call, text: str, finish: str | None, output: int) -> dict[str, Any]:
    return {
        "candidates": [candidate(text, finish)],
        "usageMetadata": _usage(call, output),
        "modelVersion": call.model,
        "responseId": f"mock{call.id:016x}",
    }


def generate_response(call: Call) -> Response:
    return json_response(200, _object(call, call.text.whole(), _finish(call), call.output_tokens))


def generate_shape(call: Call, *, sse: bool) -> Shape:
    """There is no end marker: the last object's `finishReason` is the end."""
    frame = orjson.dumps(_object(call, "\x00", None, -77))
    before, rest = frame.split(b"\\u0000")
    head, middle, tail = rest.split(b"-77", 1)[0], b"", b""
    ending = rest[len(head) :]
    total = b"%d" % (call.prompt_tokens - 77)
    middle, tail = ending.removeprefix(b"-77").split(total, 1)
    last = call.text.length - 1

    def token(index: int, piece: bytes) -> bytes:
        output = index + 1
        if index == last:
            text = orjson.loads(b'"' + piece + b'"')
            data = orjson.dumps(_object(call, text, _finish(call), output))
        else:
            data = b"%b%b%b%d%b%d%b" % (before, piece, head, output, middle, call.prompt_tokens + output, tail)
        if sse:
            return b"data: " + data + b"\r\n\r\n"
        return (b",\r\n" if index else b"[") + data

    return Shape((), token, lambda: () if sse else (b"]\n",))
