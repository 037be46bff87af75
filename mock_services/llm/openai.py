"""The OpenAI dialect: chat completions, responses, embeddings, models; six rate-limit headers on every answer."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import orjson

from mock_services.llm.chat import chat_response, chat_shape
from mock_services.llm.dialect import Dialect, Scope
from mock_services.llm.embedding import as_base64, embed
from mock_services.llm.openai_errors import error_object, quota_exceeded_error, rate_limit_error, status_error
from mock_services.llm.openai_request import BadRequest, ChatAsk, parse_chat, parse_embedding, parse_responses
from mock_services.llm.provider import Call, Denied, organization_of
from mock_services.llm.responses import responses_response, responses_shape
from mock_services.quota import Usage
from mock_services.quota.hints import go_duration, whole_seconds
from mock_services.server import Answer, Request, Response, json_response

MODEL_CREATED_S = 1_767_225_600
"""2026-01-01: when every mock model was made."""


class OpenAI(Dialect):
    """Implements `ErrorVoice` beside."""

    prefix = "/v1"

    def route(self, request: Request, scope: dict[str, str]) -> Answer | Awaitable[Answer]:
        path = request.path.removeprefix(self.prefix)
        if request.method == "POST":
            if path == "/chat/completions":
                return self.chat(request, scope)
            if path == "/embeddings":
                return self.embeddings(request, scope)
            if path == "/responses":
                return self.responses(request, scope)
        elif request.method in ("GET", "HEAD") and (path == "/models" or path.startswith("/models/")):
            return self.models(path.removeprefix("/models").lstrip("/"), scope)
        raise BadRequest(404, f"Invalid URL ({request.method} {request.path})")

    def identify(self, request: Request) -> dict[str, str]:
        """Whose quota it is. Raises BadRequest (401)."""
        scheme, _, key = request.header("authorization").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            raise BadRequest(
                401,
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank "
                "username) if "
                "you're accessing the API from your browser and are prompted for a username and password. You can "
                "obtain an API key from https://platform.openai.com/account/api-keys.",
            )
        if self.settings.api_keys and key not in self.settings.api_keys:
            raise BadRequest(
                401,
                f"Incorrect API key provided: {key[:3]}***{key[-4:]}. You can find your API key at "
                "https://platform.openai.com/account/api-keys.",
                code="invalid_api_key",
            )
        return {
            "key": key,
            "org": request.header("openai-organization") or "org-" + organization_of(key),
            "tenant": request.header("openai-project"),
            "region": self.settings.region,
        }

    def _call(self, request: Request, scope: dict[str, str], ask: ChatAsk) -> Call:
        settings = self.settings
        self._check_model(ask.model)
        scope["model"] = ask.model
        asked = ask.prompt_tokens + (ask.max_tokens or 0)
        if asked > settings.context_tokens:
            raise BadRequest(
                400,
                f"This model's maximum context length is {settings.context_tokens} tokens. However, you requested "
                f"{asked} tokens ({ask.prompt_tokens} in the messages, {ask.max_tokens or 0} in the completion). "
                "Please reduce the length of the messages or completion.",
                code="context_length_exceeded",
                param="messages",
            )
        call = self.provider.call(
            request,
            model=ask.model,
            scope=scope,
            prompt_tokens=ask.prompt_tokens,
            max_tokens=ask.max_tokens,
            choices=ask.choices,
        )
        self.provider.admit(call)
        return call

    def _check_model(self, model: str) -> None:
        if self.settings.models and model not in self.settings.models:
            raise BadRequest(
                404,
                f"The model `{model}` does not exist or you do not have access to it.",
                code="model_not_found",
            )

    def chat(self, request: Request, scope: dict[str, str], model: str = "") -> Answer | Awaitable[Answer]:
        """`model` is given where the URL names it."""
        ask = parse_chat(request, model)
        call = self._call(request, scope, ask)
        headers, created = self.headers(scope, call.id), self.created()
        if ask.stream:
            shape = chat_shape(call, created, ask.include_usage, **self.chat_extra(call))
            return self.provider.stream(call, shape, headers)
        return self.provider.whole(call, lambda: chat_response(call, created, headers, **self.chat_extra(call)))

    def chat_extra(self, call: Call) -> dict[str, Any]:
        """Fields that a dialect adds to chat completions."""
        return {"service_tier": "default"}

    def responses(self, request: Request, scope: dict[str, str]) -> Answer | Awaitable[Answer]:
        ask = parse_responses(request)
        call = self._call(request, scope, ask)
        headers, created = self.headers(scope, call.id), self.created()
        if ask.stream:
            return self.provider.stream(call, responses_shape(call, created), headers)
        return self.provider.whole(call, lambda: responses_response(call, created, headers))

    def embeddings(self, request: Request, scope: dict[str, str], model: str = "") -> Awaitable[Answer]:
        ask = parse_embedding(request, self.settings.embedding_dimensions, model)
        self._check_model(ask.model)
        scope["model"] = ask.model
        request.record.model, request.record.tokens_in = ask.model, ask.tokens
        self.provider.book(scope, Usage(ask.tokens)).leave(self.provider.context.clock())
        headers = self.headers(scope, self.provider.next_id())

        async def answer() -> Answer:
            await self.provider.wait_for_embedding(ask.tokens)
            data = [
                {"object": "embedding", "index": i, "embedding": as_base64(v) if ask.base64 else v}
                for i, v in enumerate(embed(text, ask.dimensions) for text in ask.texts)
            ]
            usage = {"prompt_tokens": ask.tokens, "total_tokens": ask.tokens}
            body = {"object": "list", "data": data, "model": ask.model, "usage": usage}
            return Response(200, orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), headers)

        return answer()

    def models(self, name: str, scope: dict[str, str]) -> Response:
        known = self.settings.models or ("gpt-main",)
        if name:
            self._check_model(name)
            return self.answer_json(200, _model(name), scope)
        return self.answer_json(200, {"object": "list", "data": [_model(m) for m in known]}, scope)

    # headers and errors

    def created(self) -> int:
        return int(self.provider.context.wall_s())

    def headers(self, scope: dict[str, str], number: int) -> list[tuple[str, str]]:
        """The six rate-limit headers, as the limiter stands after this request."""
        headers = [
            ("x-request-id", self.request_id(number)),
            ("openai-organization", scope.get("org", "")),
            ("openai-version", "2020-10-01"),
            ("openai-processing-ms", "1"),
        ]
        for label in ("requests", "tokens"):
            standing = self.provider.standing(label, scope)
            if standing is not None:
                headers += [
                    (f"x-ratelimit-limit-{label}", str(int(standing.limit))),
                    (f"x-ratelimit-remaining-{label}", str(int(standing.remaining))),
                    (f"x-ratelimit-reset-{label}", go_duration(standing.reset_s)),
                ]
        return headers

    def request_id(self, number: int) -> str:
        return f"req_{self.provider.context.seed & 0xFFFF:04x}{number:028x}"

    def answer_json(self, status: int, body: Any, scope: dict[str, str]) -> Response:
        return json_response(status, body, self.headers(scope, self.provider.next_id()))

    def refused(self, bad: BadRequest, scope: dict[str, str]) -> Response:
        return self.answer_json(bad.status, error_object(bad.message, bad.kind, bad.code, bad.param), scope)

    def denied(self, denied: Denied) -> Response:
        denial, scope = denied.denial, denied.scope
        response = self.answer_json(429, rate_limit_error(denial, scope.get("model", ""), scope["org"]), scope)
        if not denial.too_large and denial.wait_s < 1e9:
            response.headers = [*response.headers, ("retry-after", str(whole_seconds(denial.wait_s)))]
        return response

    def overloaded(self, request: Request, scope: Scope) -> Response:
        return self.error(request, 503, "")

    def exhausted(self, scope: Scope) -> Response:
        return self.answer_json(429, quota_exceeded_error(), scope)

    def error(self, request: Request, status: int, message: str) -> Response:
        return self.answer_json(status, status_error(status, message), self.scope_of(request))

    def throttled(self, request: Request, retry_after_s: float | None) -> Response:
        """As if the tokens had run out: the numbers say so, too."""
        scope = self.scope_of(request)
        standing = self.provider.standing("tokens", scope)
        limit = int(standing.limit) if standing else 60_000
        hint = "" if retry_after_s is None else f" Please try again in {go_duration(retry_after_s)}."
        requested = max(1, round((retry_after_s or 1) * limit / 60))
        body = error_object(
            f"Rate limit reached for {scope.get('model', 'the model')} in organization {scope.get('org', '')} on "
            f"tokens per min (TPM): Limit {limit}, Used {limit}, Requested {requested}.{hint} "
            "Visit https://platform.openai.com/account/rate-limits to learn more.",
            "tokens",
            "rate_limit_exceeded",
        )
        response = self.answer_json(429, body, scope)
        if retry_after_s is not None:
            response.headers = [*response.headers, ("retry-after", str(whole_seconds(retry_after_s)))]
        return response

    def error_event(self, request: Request, message: str) -> bytes:
        words = message or "The server had an error while processing your request. Sorry about that!"
        if request.path.endswith("/responses"):
            error = {"code": "server_error", "message": words}
            failed = {"type": "response.failed", "response": {"object": "response", "status": "failed", "error": error}}
            return b"event: response.failed\ndata: " + orjson.dumps(failed) + b"\n\n"
        return b"data: " + orjson.dumps(error_object(words, "server_error")) + b"\n\n"

    def scope_of(self, request: Request) -> dict[str, str]:
        """Of an answer that is given whoever asked."""
        try:
            scope = self.identify(request)
        except BadRequest:
            return {"org": "org-unknown"}
        try:
            body = request.json()
        except ValueError:
            return scope
        if isinstance(body, dict) and isinstance(body.get("model"), str):
            scope["model"] = body["model"]
        return scope


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": MODEL_CREATED_S, "owned_by": "peakproof-mock"}
