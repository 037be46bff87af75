"""The Azure OpenAI dialect: deployments in the path, string codes, bare seconds, sub-windows, misleading hints."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Literal

from pydantic import Field

from mock_services.llm.dialect import Scope
from mock_services.llm.openai import OpenAI
from mock_services.llm.openai_request import BadRequest
from mock_services.llm.provider import Call, Denied
from mock_services.llm.settings import CostRuleName, ProviderSettings
from mock_services.quota.hints import whole_milliseconds, whole_seconds
from mock_services.server import Answer, Request, Response

_OPERATIONS = {
    "/chat/completions": "ChatCompletions_Create",
    "/embeddings": "Embeddings_Create",
    "/responses": "Responses_Create",
}
_SAFE = {what: {"filtered": False, "severity": "safe"} for what in ("hate", "self_harm", "sexual", "violence")}


class AzureSettings(ProviderSettings):
    """Cost: prompt + max_tokens, up front. RPM is judged in 10-s windows too (Microsoft's quota page)."""

    cost_rule: CostRuleName = "prompt_plus_max"
    sub_window_s: float | None = Field(default=10, gt=0, le=60, description="RPM judged in such windows too")
    hints: Literal["exact", "misleading", "blind"] = Field(
        default="exact",
        description="misleading: always `retry-after: 1`, as was captured with the minute empty; blind: limits read "
        "-1, -1, 0 and no hint, as the Responses API was seen to do",
    )


class Azure(OpenAI):
    """Paths `/openai/deployments/{d}/...?api-version=` and the newer `/openai/v1/...`."""

    prefix = "/openai/v1"

    def identify(self, request: Request) -> dict[str, str]:
        key = request.header("api-key")
        if not key:
            scheme, _, token = request.header("authorization").partition(" ")
            key = token.strip() if scheme.lower() == "bearer" else ""
        if not key or (self.settings.api_keys and key not in self.settings.api_keys):
            raise BadRequest(
                401,
                "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
                "valid key for "
                "an active subscription and use a correct regional API endpoint for your resource.",
            )
        return {"key": key, "org": "resource", "region": self.settings.region, "operation": "ChatCompletions_Create"}

    def route(self, request: Request, scope: dict[str, str]) -> Answer | Awaitable[Answer]:
        scope["version"] = request.query().get("api-version", "")
        parts = request.path.split("/", 4)
        if request.path.startswith("/openai/deployments/") and len(parts) == 5 and request.method == "POST":
            if not scope["version"]:
                raise BadRequest(404, "Resource not found")
            deployment, operation = parts[3], "/" + parts[4]
            scope["operation"] = _OPERATIONS.get(operation, "")
            if operation == "/chat/completions":
                return self.chat(request, scope, deployment)
            if operation == "/embeddings":
                return self.embeddings(request, scope, deployment)
            raise BadRequest(404, "Resource not found")
        scope["operation"] = _OPERATIONS.get(request.path.removeprefix(self.prefix), "")
        return super().route(request, scope)

    def chat_extra(self, call: Call) -> dict[str, Any]:
        return {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}]}

    def headers(self, scope: dict[str, str], number: int) -> list[tuple[str, str]]:
        """Remaining and limits on every answer; resets are bare seconds."""
        headers = [
            ("apim-request-id", self.request_id(number)),
            ("x-ms-region", scope.get("region", "") or "East US"),
            ("x-ms-deployment-name", scope.get("model", "")),
        ]
        settings = self.settings
        assert isinstance(settings, AzureSettings)
        for label in ("requests", "tokens"):
            standing = self.provider.standing(label, scope)
            if standing is None:
                continue
            values = (int(standing.limit), int(standing.remaining), whole_seconds(standing.reset_s))
            if settings.hints == "blind":
                values = (-1, -1, 0)
            names = ("limit", "remaining", "reset")
            headers += [(f"x-ratelimit-{n}-{label}", str(v)) for n, v in zip(names, values, strict=True)]
            headers.append((f"x-ratelimit-renewalperiod-{label}", "60"))
        return headers

    def denied(self, denied: Denied) -> Response:
        denial, scope = denied.denial, denied.scope
        return self._too_many(scope, denial.limit.counts, denial.wait_s)

    def throttled(self, request: Request, retry_after_s: float | None) -> Response:
        return self._too_many(self.scope_of(request), "tokens", retry_after_s)

    def exhausted(self, scope: Scope) -> Response:
        """A free tier's day is used up: a hint of 86400 s, which nobody waits for."""
        return self._too_many(scope, "tokens", 86_400.0)

    def _too_many(self, scope: dict[str, str], counts: str, wait_s: float | None) -> Response:
        settings = self.settings
        assert isinstance(settings, AzureSettings)
        kind = "call" if counts == "requests" else "token"
        seconds = 60 if wait_s is None or wait_s > 1e8 else whole_seconds(wait_s)
        message = (
            f"Requests to the {scope.get('operation') or 'ChatCompletions_Create'} Operation under Azure OpenAI API "
            f"version {scope.get('version') or '2024-02-15-preview'} have exceeded {kind} rate limit of your "
            "current OpenAI "
            f"S0 pricing tier. Please retry after {seconds} seconds. Please go here: "
            "https://aka.ms/oai/quotaincrease if "
            "you would like to further increase the default rate limit."
        )
        response = self.answer_json(429, {"error": {"code": "429", "message": message}}, scope)
        hints = [("x-ratelimit-type", "Requests" if kind == "call" else "Tokens")]
        if wait_s is not None and settings.hints == "exact":
            milliseconds = whole_milliseconds(min(wait_s, seconds))
            hints += [("retry-after", str(seconds)), ("retry-after-ms", str(milliseconds))]
        elif settings.hints == "misleading":
            hints += [("retry-after", "1"), ("retry-after-ms", "0")]
        response.headers = [*response.headers, *hints]
        return response

    def refused(self, bad: BadRequest, scope: dict[str, str]) -> Response:
        if bad.code == "model_not_found":
            bad = BadRequest(
                404,
                "The API deployment for this resource does not exist. If you created the deployment within the "
                "last 5 "
                "minutes, please wait a moment and try again.",
                code="DeploymentNotFound",
            )
        if bad.status in (401, 404):
            error = {"code": bad.code or str(bad.status), "message": bad.message}
            return self.answer_json(bad.status, {"error": error}, scope)
        return super().refused(bad, scope)

    def error(self, request: Request, status: int, message: str) -> Response:
        words = message or {
            500: "Internal server error",
            503: "The service is temporarily unable to process your request. Please try again later.",
        }.get(status, "The request failed.")
        return self.answer_json(status, {"error": {"code": str(status), "message": words}}, self.scope_of(request))
