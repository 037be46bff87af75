"""The Gemini dialect (API and Vertex): the hint is in the body, not in a header; Vertex refuses when its pool
is busy."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any

import orjson
from pydantic import Field

from mock_services.llm.dialect import Dialect, Scope
from mock_services.llm.embedding import embed
from mock_services.llm.gemini_shape import generate_response, generate_shape
from mock_services.llm.openai_request import BadRequest, read_body
from mock_services.llm.provider import Denied, organization_of
from mock_services.llm.settings import CostRuleName, ProviderSettings
from mock_services.llm.text import estimate_tokens, start_of, text_of
from mock_services.quota import Usage
from mock_services.server import Answer, Request, Response, json_response

_PATH = re.compile(
    r"/(?:v1|v1beta|v1beta1|v1alpha)/(?P<vertex>projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?"
    r"models/(?P<model>[^/:]+)(?::(?P<verb>\w+))?"
)
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_WORDS = {
    500: "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
    503: "The model is overloaded. Please try again later.",
}
_METRICS = {
    "requests": ("generate_content_free_tier_requests", "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
    "tokens": (
        "generate_content_free_tier_input_token_count",
        "GenerateContentInputTokensPerModelPerMinute-FreeTier",
    ),
    "requests_day": ("generate_content_free_tier_requests", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
}
_HELP = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [
        {
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }
    ],
}


class GeminiSettings(ProviderSettings):
    """Tokens a minute are the prompt's."""

    cost_rule: CostRuleName = "prompt_only"
    pool_busy: float = Field(
        default=0, ge=0, le=1, description="Vertex: share of requests that the shared pool refuses, seeded"
    )


class Gemini(Dialect):
    """Implements `ErrorVoice` beside."""

    def identify(self, request: Request) -> dict[str, str]:
        bearer = request.header("authorization").partition(" ")[2].strip()
        key = request.header("x-goog-api-key") or request.query().get("key", "") or bearer
        if not key:
            raise BadRequest(
                403,
                "Method doesn't allow unregistered callers (callers without established identity). Please use "
                "API Key or "
                "other form of API consumer identity to call this API.",
            )
        if self.settings.api_keys and key not in self.settings.api_keys:
            raise BadRequest(400, "API key not valid. Please pass a valid API key.")
        return {"key": key, "org": organization_of(key), "region": self.settings.region}

    def route(self, request: Request, scope: dict[str, str]) -> Answer | Awaitable[Answer]:
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise BadRequest(404, "The requested URL was not found on this server.")
        model, verb = match["model"], match["verb"]
        if self.settings.models and model not in self.settings.models:
            raise BadRequest(404, f"models/{model} is not found for API version v1beta.")
        scope["model"] = model
        if request.method == "GET" and verb is None:
            return json_response(200, {"name": f"models/{model}", "supportedGenerationMethods": ["generateContent"]})
        if request.method != "POST":
            raise BadRequest(404, "The requested URL was not found on this server.")
        if verb in ("generateContent", "streamGenerateContent"):
            return self._generate(request, scope, verb == "streamGenerateContent", vertex=bool(match["vertex"]))
        if verb == "countTokens":
            return json_response(200, {"totalTokens": _prompt_tokens(read_body(request))})
        if verb in ("embedContent", "batchEmbedContents", "predict"):
            return self._embed(request, scope, verb)
        raise BadRequest(404, "The requested URL was not found on this server.")

    def _generate(
        self, request: Request, scope: dict[str, str], stream: bool, *, vertex: bool
    ) -> Answer | Awaitable[Answer]:
        body = read_body(request)
        prompt = _prompt_tokens(body)
        config = body.get("generationConfig") or body.get("generation_config") or {}
        max_tokens = config.get("maxOutputTokens") if isinstance(config, dict) else None
        if max_tokens is not None and (type(max_tokens) is not int or max_tokens < 1):
            raise BadRequest(400, "Unable to submit request because maxOutputTokens must be a positive integer.")
        if prompt + (max_tokens or 0) > self.settings.context_tokens:
            raise BadRequest(
                400,
                f"The input token count ({prompt}) exceeds the maximum number of tokens allowed "
                f"({self.settings.context_tokens}).",
            )
        if vertex and self._pool_is_busy(request):
            return self._exhausted_json(
                "Resource exhausted. Please try again later. Please refer to https://cloud.google.com/"
                "vertex-ai/generative-ai/docs/error-code-429 for more details.",
                [],
            )
        call = self.provider.call(
            request, model=scope["model"], scope=scope, prompt_tokens=prompt, max_tokens=max_tokens
        )
        self.provider.admit(call)
        if not stream:
            return self.provider.whole(call, lambda: generate_response(call))
        sse = request.query().get("alt") == "sse"
        answer = self.provider.stream(call, generate_shape(call, sse=sse), [])
        answer.content_type = "text/event-stream" if sse else "application/json; charset=UTF-8"
        return answer

    def _pool_is_busy(self, request: Request) -> bool:
        settings = self.settings
        assert isinstance(settings, GeminiSettings)
        if not settings.pool_busy:
            return False
        number = self.provider.next_id()
        return start_of(request.body + b"%d" % number, self.provider.context.seed) < settings.pool_busy * 2**32

    def _embed(self, request: Request, scope: dict[str, str], verb: str) -> Awaitable[Answer]:
        body = read_body(request)
        asks = body.get("requests") if verb == "batchEmbedContents" else [body]
        if not isinstance(asks, list) or not asks or not all(isinstance(a, dict) for a in asks):
            raise BadRequest(400, "* BatchEmbedContentsRequest.requests: requests is not specified")
        texts = [_text_of_content(ask.get("content")) for ask in asks]
        tokens = sum(max(1, estimate_tokens(text)) for text in texts)
        wanted = asks[0].get("outputDimensionality")
        dimensions = wanted if type(wanted) is int and 1 <= wanted <= 4096 else self.settings.embedding_dimensions
        request.record.model, request.record.tokens_in = scope["model"], tokens
        self.provider.book(scope, Usage(tokens)).leave(self.provider.context.clock())

        async def answer() -> Answer:
            await self.provider.wait_for_embedding(tokens)
            values = [{"values": embed(text, dimensions)} for text in texts]
            said = {"embeddings": values} if verb == "batchEmbedContents" else {"embedding": values[0]}
            return Response(200, orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY))

        return answer()

    # errors

    def error(self, request: Request, status: int, message: str) -> Response:
        return _say(status, message)

    def throttled(self, request: Request, retry_after_s: float | None) -> Response:
        return self._quota_json("requests", 250, retry_after_s, {"model": "gemini-2.0-flash"})

    def error_event(self, request: Request, message: str) -> bytes:
        frame = orjson.dumps(_error(503, message or _WORDS[503]))
        return b"data: " + frame + b"\r\n\r\n" if request.query().get("alt") == "sse" else b",\n" + frame + b"]"

    def refused(self, bad: BadRequest, scope: Scope) -> Response:
        return _say(bad.status, bad.message)

    def overloaded(self, request: Request, scope: Scope) -> Response:
        return _say(503, "")

    def exhausted(self, scope: Scope) -> Response:
        return self._exhausted_json(
            "You exceeded your current quota, please check your plan and billing details.", [_HELP]
        )

    def denied(self, denied: Denied) -> Response:
        denial, scope = denied.denial, denied.scope
        hint = denial.wait_s if denial.wait_s < 1e8 else None
        return self._quota_json(denial.limit.label.partition("/")[0], int(denial.limit.amount), hint, scope)

    def _quota_json(self, label: str, limit: int, wait_s: float | None, scope: dict[str, str]) -> Response:
        metric, quota = _METRICS.get(label, _METRICS["requests"])
        metric = f"generativelanguage.googleapis.com/{metric}"
        message = (
            "You exceeded your current quota, please check your plan and billing details. For more information "
            "on this error, "
            "head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n"
            f"* Quota exceeded for metric: {metric}, limit: {limit}"
        )
        violation = {
            "quotaMetric": metric,
            "quotaId": quota,
            "quotaDimensions": {"location": scope.get("region") or "global", "model": scope.get("model", "")},
            "quotaValue": str(limit),
        }
        details: list[dict[str, Any]] = [
            _HELP,
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
        ]
        if wait_s is not None:
            message += f"\nPlease retry in {wait_s:.9f}".rstrip("0").rstrip(".") + "s."
            delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{int(wait_s)}s"}
            details.append(delay)
        return self._exhausted_json(message, details)

    def _exhausted_json(self, message: str, details: list[dict[str, Any]]) -> Response:
        """No Retry-After: whoever wants the hint reads the details."""
        error = _error(429, message)
        if details:
            error["error"]["details"] = details
        return json_response(429, error)


def _say(status: int, message: str) -> Response:
    return json_response(status, _error(status, message or _WORDS.get(status, "The request failed.")))


def _error(status: int, message: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}}


def _text_of_content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return text_of(content.get("parts")) if isinstance(content, dict) else ""


def _prompt_tokens(body: dict[str, Any]) -> int:
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise BadRequest(400, "* GenerateContentRequest.contents: contents is not specified")
    system = body.get("systemInstruction") or body.get("system_instruction")
    return sum(estimate_tokens(_text_of_content(c)) + 1 for c in [system, *contents] if c)
