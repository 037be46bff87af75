"""What an OpenAI-shaped body asks for, and the 400 that says what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mock_services.llm.text import estimate_tokens, text_of
from mock_services.server import Request

MESSAGE_OVERHEAD_TOKENS = 4
"""A message costs its role and separators beside its text."""
TEXTS_LIMIT = 2048
CHOICES_LIMIT = 128


class BadRequest(Exception):  # noqa: N818 -- an answer, not a fault of the program
    """Becomes an error in the dialect's own form."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param


@dataclass(frozen=True)
class ChatAsk:
    model: str
    prompt_tokens: int
    max_tokens: int | None
    stream: bool
    include_usage: bool = False
    choices: int = 1


@dataclass(frozen=True)
class EmbeddingAsk:
    model: str
    texts: list[str]
    tokens: int
    dimensions: int
    base64: bool


def read_body(request: Request) -> dict[str, Any]:
    """Raises BadRequest where it is no JSON object."""
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise BadRequest(
            400,
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
        )
    return body


def parse_chat(request: Request, model: str = "") -> ChatAsk:
    """Raises BadRequest. `model` is given where the URL names it (Azure)."""
    body = read_body(request)
    model = model or _need_text(body, "model")
    messages = body.get("messages")
    if messages is None:
        raise BadRequest(
            400, "Missing required parameter: 'messages'.", code="missing_required_parameter", param="messages"
        )
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise BadRequest(
            400,
            "Invalid type for 'messages': expected a non-empty array of objects.",
            code="invalid_type",
            param="messages",
        )
    tokens = sum(estimate_tokens(text_of(m.get("content"))) + MESSAGE_OVERHEAD_TOKENS for m in messages)
    options = body.get("stream_options")
    limit = _count(body, "max_completion_tokens")
    return ChatAsk(
        model,
        tokens,
        limit if limit is not None else _count(body, "max_tokens"),
        body.get("stream") is True,
        isinstance(options, dict) and options.get("include_usage") is True,
        min(_count(body, "n") or 1, CHOICES_LIMIT),
    )


def parse_responses(request: Request) -> ChatAsk:
    """Raises BadRequest."""
    body = read_body(request)
    model = _need_text(body, "model")
    given = body.get("input")
    if not isinstance(given, str | list) or not given:
        raise BadRequest(400, "Missing required parameter: 'input'.", code="missing_required_parameter", param="input")
    items: list[Any] = [{"content": given}] if isinstance(given, str) else given
    tokens = estimate_tokens(text_of(body.get("instructions")))
    for item in items:
        content = item.get("content") if isinstance(item, dict) else item
        tokens += estimate_tokens(text_of(content)) + MESSAGE_OVERHEAD_TOKENS
    return ChatAsk(model, tokens, _count(body, "max_output_tokens"), body.get("stream") is True)


def parse_embedding(request: Request, default_dimensions: int, model: str = "") -> EmbeddingAsk:
    """Raises BadRequest. Token arrays are taken as they are counted: one token each."""
    body = read_body(request)
    model = model or _need_text(body, "model")
    given = body.get("input")
    items: list[Any] = given if isinstance(given, list) else [given]
    if items and all(type(item) is int for item in items):
        items = [items]
    if not items or len(items) > TEXTS_LIMIT or not all(_is_text(item) for item in items):
        raise BadRequest(400, "'$.input' is invalid. Please check the API reference.", param="input")
    texts = [item if isinstance(item, str) else " ".join(map(str, item)) for item in items]
    tokens = sum(max(1, estimate_tokens(item)) if isinstance(item, str) else len(item) for item in items)
    dimensions = _count(body, "dimensions")
    if dimensions is not None and dimensions > 4096:
        raise BadRequest(400, "Invalid value for 'dimensions': at most 4096.", param="dimensions")
    return EmbeddingAsk(model, texts, tokens, dimensions or default_dimensions, body.get("encoding_format") == "base64")


def _is_text(item: Any) -> bool:
    return isinstance(item, str) or (isinstance(item, list) and bool(item) and all(type(i) is int for i in item))


def _need_text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise BadRequest(400, f"you must provide a {key} parameter", param=key)
    return value


def _count(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= 10_000_000:
        raise BadRequest(
            400,
            f"Invalid value for '{key}': expected an integer above or equal to 1.",
            code="invalid_type" if type(value) is not int else "integer_below_min_value",
            param=key,
        )
    return value
