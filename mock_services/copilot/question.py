"""A chat completion request as copilot reads it: checked, and ready to be asked of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from mock_services.copilot.cache import cache_key
from mock_services.copilot.retrieval import choose_tool
from mock_services.copilot.settings import Settings
from mock_services.copilot.upstream import Headers

_PASSED_ON = (
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "user",
)
_PASSED_ON_HEADERS = (b"traceparent", b"tracestate", b"baggage")
_OWN_HEADER_PREFIX = b"x-peakproof-"
_HEADER_BYTES = 512
"""A correlation header longer than this is not passed on."""


class QuestionError(ValueError):
    """The body is not a chat completion request. `field` is the parameter at fault."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Question:
    """`text` is the last thing the user said; `headers` are the correlation headers for every upstream call."""

    messages: list[dict[str, Any]]
    text: str
    key: bytes
    parameters: dict[str, Any]
    is_stream: bool
    includes_usage: bool
    tool: str | None
    headers: Headers
    run: str
    seq: str

    def for_model(self, model: str, system: str, passages: list[str], tool_result: str) -> dict[str, Any]:
        """The request body for a model. It is always streamed: a failure is seen at its first sign."""
        told = [system]
        if passages:
            told.append("Passages:\n" + "\n---\n".join(passages))
        if tool_result:
            told.append("Tool result:\n" + tool_result)
        body: dict[str, Any] = {"model": model, **self.parameters, "stream": True}
        body["messages"] = [{"role": "system", "content": "\n\n".join(told)}, *self.messages]
        if self.includes_usage or not self.is_stream:
            body["stream_options"] = {"include_usage": True}
        return body


def read_question(body: bytes, headers: Iterable[tuple[bytes, bytes]], settings: Settings) -> Question:
    """The question in a request. Raises QuestionError."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise QuestionError(f"We could not parse the JSON body of your request: {error}") from None
    if not isinstance(asked, dict):
        raise QuestionError("The body must be a JSON object.")
    messages = _messages(asked.get("messages"))
    if asked.get("n") not in {None, 1}:
        raise QuestionError("Only one choice can be given.", "n")
    text = next((_text(m.get("content")) for m in reversed(messages) if m["role"] == "user"), "")
    try:
        tool = choose_tool(text, asked.get("tool_choice"), settings)
    except (ValueError, TypeError) as error:
        raise QuestionError(str(error), "tool_choice") from None
    options = asked.get("stream_options")
    correlation = _correlation_headers(headers)
    named = dict(correlation)
    return Question(
        messages=messages,
        text=text,
        key=cache_key([part for m in messages for part in (m["role"], _text(m.get("content")))]),
        parameters={name: asked[name] for name in _PASSED_ON if name in asked},
        is_stream=asked.get("stream") is True,
        includes_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        tool=tool,
        headers=correlation,
        run=named.get(b"x-peakproof-run", b"").decode("latin-1"),
        seq=named.get(b"x-peakproof-seq", b"").decode("latin-1"),
    )


def _messages(messages: object) -> list[dict[str, Any]]:
    if not isinstance(messages, list) or not messages:
        raise QuestionError("messages must be a list with at least one message.", "messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise QuestionError(f"messages[{index}] must be an object with a role.", f"messages[{index}]")
        if not isinstance(message.get("content"), str | list | None):
            raise QuestionError("content must be a string or a list of parts.", f"messages[{index}].content")
    return messages


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part)


def _correlation_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [
        (name, value)
        for name, value in headers
        if (name.startswith(_OWN_HEADER_PREFIX) or name in _PASSED_ON_HEADERS) and len(value) <= _HEADER_BYTES
    ]
