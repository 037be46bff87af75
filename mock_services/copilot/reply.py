"""The bodies of copilot's own answers, in the provider's dialect."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from mock_services.copilot.sse import DONE, Identity, chunk_event

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream; charset=utf-8"
Headers = list[tuple[bytes, bytes]]
NO_USAGE: Mapping[str, Any] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def error_body(message: str, kind: str, code: str | None, param: str | None = None) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def answer_headers(served_by: str, degraded: list[str]) -> Headers:
    """Who answered, and what had to be left out; before the first byte of the body."""
    headers = [(b"x-served-by", served_by.encode())]
    if degraded:
        headers.append((b"x-degraded", ",".join(degraded).encode()))
    return headers


def retry_after(wait_s: float) -> Headers:
    """Whole seconds, at least one."""
    return [(b"retry-after", str(max(1, math.ceil(wait_s))).encode())]


def whole_answer(
    identity: Identity, model: str, text: str, *, finish: str = "stop", usage: Mapping[str, Any] | None = None
) -> bytes:
    """A `chat.completion`, for a caller that asked for no stream."""
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish or "stop"}
    return orjson.dumps(
        {
            "id": identity.answer_id,
            "object": "chat.completion",
            "created": identity.created,
            "model": model,
            "choices": [choice],
            "usage": usage or NO_USAGE,
        }
    )


def streamed_answer(identity: Identity, model: str, text: str, usage: Mapping[str, Any] | None) -> Iterator[bytes]:
    """The events of an answer that no model streams; `usage` adds the usage chunk."""
    yield chunk_event(identity, model, {"role": "assistant", "content": ""})
    yield chunk_event(identity, model, {"content": text})
    yield chunk_event(identity, model, {}, finish="stop")
    if usage is not None:
        yield chunk_event(identity, model, None, usage=usage)
    yield DONE
