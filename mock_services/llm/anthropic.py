"""The Anthropic dialect: Messages, whole and streamed; three token buckets by model; 429, 529 and the spend cap."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Any

import orjson

from mock_services.llm.anthropic_shape import message_response, message_shape
from mock_services.llm.dialect import Dialect, Scope
from mock_services.llm.openai_request import BadRequest, read_body
from mock_services.llm.provider import Denied, organization_of
from mock_services.llm.settings import CostRuleName, ProviderSettings
from mock_services.llm.text import estimate_tokens, text_of
from mock_services.quota import Standing
from mock_services.quota.hints import rfc3339, whole_seconds
from mock_services.server import Answer, Request, Response, json_response
from mock_services.service import Context

_PREFIXES_KEPT = 2000
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_WORDS = {500: "Internal server error", 529: "Overloaded"}
_LIMITS = {
    "requests": "requests per minute",
    "input_tokens": "input tokens per minute",
    "output_tokens": "output tokens per minute",
    "tokens": "tokens per minute",
}


class AnthropicSettings(ProviderSettings):
    """Input counts at the start, cache reads do not; output counts as it is produced; `max_tokens` never."""

    cost_rule: CostRuleName = "input_and_output"


class Anthropic(Dialect):
    """Implements `ErrorVoice` beside."""

    def __init__(self, settings: AnthropicSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._prefixes: OrderedDict[int, None] = OrderedDict()

    def route(self, request: Request, scope: dict[str, str]) -> Answer | Awaitable[Answer]:
        if request.method == "POST" and request.path == "/v1/messages":
            return self._messages(request, scope)
        if request.method == "POST" and request.path == "/v1/messages/count_tokens":
            return self._answer_json(200, {"input_tokens": _prompt_of(read_body(request))[0]}, scope)
        if request.method == "GET" and request.path == "/v1/models":
            return self._models(scope)
        raise BadRequest(404, "Not Found")

    def identify(self, request: Request) -> dict[str, str]:
        key = request.header("x-api-key") or request.header("authorization").partition(" ")[2].strip()
        if not key:
            raise BadRequest(401, "x-api-key header is required")
        if self.settings.api_keys and key not in self.settings.api_keys:
            raise BadRequest(401, "invalid x-api-key")
        if not request.header("anthropic-version"):
            raise BadRequest(400, "anthropic-version: header is required")
        return {"key": key, "org": organization_of(key), "region": self.settings.region}

    def _messages(self, request: Request, scope: dict[str, str]) -> Answer | Awaitable[Answer]:
        body = read_body(request)
        model, max_tokens = body.get("model"), body.get("max_tokens")
        if not isinstance(model, str) or not model:
            raise BadRequest(400, "model: Field required")
        if type(max_tokens) is not int or max_tokens < 1:
            raise BadRequest(400, "max_tokens: Field required")
        if self.settings.models and model not in self.settings.models:
            raise BadRequest(404, f"model: {model}")
        prompt, cacheable = _prompt_of(body)
        if prompt + max_tokens > self.settings.context_tokens:
            raise BadRequest(400, f"prompt is too long: {prompt} tokens > {self.settings.context_tokens} maximum")
        scope["model"] = model
        cached = self._read_cache(scope["org"] + model, cacheable)
        call = self.provider.call(
            request, model=model, scope=scope, prompt_tokens=prompt, max_tokens=max_tokens, cached_tokens=cached
        )
        self.provider.admit(call)
        written = 0 if cached or not cacheable else estimate_tokens(cacheable)
        headers = self._headers(scope, call.id)
        if body.get("stream") is True:
            return self.provider.stream(call, message_shape(call, written), headers)
        return self.provider.whole(call, lambda: message_response(call, written, headers))

    def _read_cache(self, owner: str, prefix: str) -> int:
        """Tokens of the prefix if it was seen before; remembers it."""
        if not prefix:
            return 0
        key = zlib.crc32((owner + prefix).encode("utf-8", "surrogatepass"))
        known = key in self._prefixes
        self._prefixes[key] = None
        self._prefixes.move_to_end(key)
        if len(self._prefixes) > _PREFIXES_KEPT:
            self._prefixes.popitem(last=False)
        return estimate_tokens(prefix) if known else 0

    def _models(self, scope: dict[str, str]) -> Response:
        names = self.settings.models or ("claude-main",)
        data = [{"type": "model", "id": n, "display_name": n, "created_at": "2026-01-01T00:00:00Z"} for n in names]
        body = {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}
        return self._answer_json(200, body, scope)

    # headers and errors

    def _headers(self, scope: dict[str, str], number: int) -> list[tuple[str, str]]:
        """Twelve rate-limit headers; token counts rounded to thousands; `tokens` is the more restrictive
        of the two."""
        headers = [("request-id", self._request_id(number)), ("anthropic-organization-id", scope.get("org", ""))]
        standings = {n: self.provider.standing(n, scope) for n in ("requests", "input_tokens", "output_tokens")}
        tight = [s for s in (standings["input_tokens"], standings["output_tokens"]) if s is not None]
        named: list[tuple[str, Standing | None]] = [
            ("requests", standings["requests"]),
            ("tokens", min(tight, key=lambda s: s.remaining / (s.limit or 1)) if tight else None),
            ("input-tokens", standings["input_tokens"]),
            ("output-tokens", standings["output_tokens"]),
        ]
        for name, standing in named:
            if standing is None:
                continue
            remaining = standing.remaining if name == "requests" else round(standing.remaining, -3)
            headers += [
                (f"anthropic-ratelimit-{name}-limit", str(int(standing.limit))),
                (f"anthropic-ratelimit-{name}-remaining", str(int(remaining))),
                (f"anthropic-ratelimit-{name}-reset", rfc3339(self.provider.context.wall_s() + standing.reset_s)),
            ]
        return headers

    def _request_id(self, number: int) -> str:
        return f"req_{self.provider.context.seed & 0xFFFF:04x}{number:020x}"

    def _answer_json(self, status: int, body: dict[str, Any], scope: dict[str, str]) -> Response:
        number = self.provider.next_id()
        if status >= 400:
            body = {**body, "request_id": self._request_id(number)}
        return json_response(status, body, self._headers(scope, number))

    def refused(self, bad: BadRequest, scope: Scope) -> Response:
        return self._say(bad.status, bad.message, scope)

    def overloaded(self, request: Request, scope: Scope) -> Response:
        return self._say(529, "", scope)

    def _say(self, status: int, message: str, scope: dict[str, str]) -> Response:
        kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
        words = message or _WORDS.get(status, "Internal server error")
        return self._answer_json(status, {"type": "error", "error": {"type": kind, "message": words}}, scope)

    def denied(self, denied: Denied) -> Response:
        denial, scope = denied.denial, denied.scope
        name = _LIMITS.get(denial.limit.label.partition("/")[0])
        if denial.limit.label == "acceleration":
            words = (
                "This request would exceed the acceleration limit: your usage has increased too quickly. Please "
                "ramp up "
                "your traffic gradually and maintain consistent usage patterns."
            )
        elif name is None:
            words = "Number of concurrent connections has exceeded your rate limit. Please try again later."
        else:
            words = (
                f"This request would exceed your organization's rate limit of {int(denial.limit.amount):,} {name} "
                f"(org: {scope['org']}, model: {scope.get('model', '')}). For details, refer to: "
                "https://docs.claude.com/en/api/rate-limits. You can see the response headers for current usage."
            )
        return self._too_many(words, denial.wait_s, scope)

    def _too_many(self, words: str, wait_s: float | None, scope: dict[str, str]) -> Response:
        response = self._say(429, words, scope)
        if wait_s is not None and wait_s < 1e8:
            response.headers = [*response.headers, ("retry-after", str(whole_seconds(wait_s)))]
        return response

    def exhausted(self, scope: dict[str, str]) -> Response:
        """A 429 like any other, but for the missing retry-after and the details that hardly anyone reads."""
        error = {
            "type": "rate_limit_error",
            "message": "You have reached your specified API usage limits. You will regain access at the start of "
            "the month.",
            "details": {"error_visibility": "user_facing", "error_code": "enforced_spend_limit_reached"},
        }
        return self._answer_json(429, {"type": "error", "error": error}, scope)

    def error(self, request: Request, status: int, message: str) -> Response:
        return self._say(status, message, self.scope_of(request))

    def throttled(self, request: Request, retry_after_s: float | None) -> Response:
        scope = self.scope_of(request)
        standing = self.provider.standing("input_tokens", scope)
        limit = int(standing.limit) if standing else 50_000
        words = f"This request would exceed your organization's rate limit of {limit:,} input tokens per minute."
        return self._too_many(words, retry_after_s, scope)

    def error_event(self, request: Request, message: str) -> bytes:
        error = {"type": "error", "error": {"type": "overloaded_error", "message": message or "Overloaded"}}
        return b"event: error\ndata: " + orjson.dumps(error) + b"\n\n"


def _prompt_of(body: dict[str, Any]) -> tuple[int, str]:
    """Tokens of the prompt, and its text up to the last block that asks to be cached."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise BadRequest(400, "messages: at least one message is required")
    blocks: list[Any] = []
    for content in [body.get("system"), *(m.get("content") for m in messages)]:
        blocks += content if isinstance(content, list) else [content]
    texts = [text_of([b]) if isinstance(b, dict) else text_of(b) for b in blocks]
    last = max((i for i, b in enumerate(blocks) if isinstance(b, dict) and b.get("cache_control")), default=-1)
    return sum(map(estimate_tokens, texts)) + 4 * len(messages), "".join(texts[: last + 1])
