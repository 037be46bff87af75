"""The Groq dialect: OpenAI's shapes, Groq's limits (requests a day, tokens a minute), fractional hints, 413 and "
"498."""

from __future__ import annotations

import math
from typing import Any

from mock_services.llm.dialect import Scope
from mock_services.llm.openai import OpenAI
from mock_services.llm.openai_errors import error_object
from mock_services.llm.provider import Call, Denied
from mock_services.llm.settings import CostRuleName, ProviderSettings
from mock_services.quota.hints import go_duration
from mock_services.server import Request, Response

_NAMES = {
    "requests": ("requests", "requests per minute (RPM)"),
    "requests_day": ("requests", "requests per day (RPD)"),
    "tokens": ("tokens", "tokens per minute (TPM)"),
    "input_tokens": ("tokens", "input tokens per minute (ITPM)"),
    "output_tokens": ("tokens", "output tokens per minute (OTPM)"),
}
_MORE = "Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"


class GroqSettings(ProviderSettings):
    """Cached tokens are free; what is reserved for the answer is settled to what it took."""

    cost_rule: CostRuleName = "reserve_then_settle"


class Groq(OpenAI):
    """`x-ratelimit-*-requests` is a day's, `-tokens` a minute's (console.groq.com/docs/rate-limits)."""

    prefix = "/openai/v1"

    def headers(self, scope: dict[str, str], number: int) -> list[tuple[str, str]]:
        headers = [("x-request-id", self.request_id(number)), ("x-groq-region", scope.get("region", "") or "us-west-1")]
        for name, labels in (("requests", ("requests_day", "requests")), ("tokens", ("tokens",))):
            standing = next(filter(None, (self.provider.standing(label, scope) for label in labels)), None)
            if standing is not None:
                headers += [
                    (f"x-ratelimit-limit-{name}", str(int(standing.limit))),
                    (f"x-ratelimit-remaining-{name}", str(int(standing.remaining))),
                    (f"x-ratelimit-reset-{name}", go_duration(standing.reset_s)),
                ]
        return headers

    def chat_extra(self, call: Call) -> dict[str, Any]:
        return {"x_groq": {"id": self.request_id(call.id)}, "service_tier": "on_demand"}

    def denied(self, denied: Denied) -> Response:
        denial, scope = denied.denial, denied.scope
        kind, name = _NAMES.get(denial.limit.label.partition("/")[0], ("requests", "requests"))
        place = f"for model `{scope.get('model', '')}` in organization `{self._org(scope)}` service tier `on_demand`"
        limit, requested = f"Limit {int(denial.limit.amount)}", math.ceil(denial.requested)
        if denial.too_large:
            message = (
                f"Request too large {place} on {name}: {limit}, Requested {requested}, please reduce your message "
                "size and "
                f"try again. {_MORE}"
            )
            return self.answer_json(413, error_object(message, kind, "rate_limit_exceeded"), scope)
        used = math.ceil(denial.used - 1e-6)
        return self._too_many(
            f"{place} on {name}: {limit}, Used {used}, Requested {requested}", kind, denial.wait_s, scope
        )

    def throttled(self, request: Request, retry_after_s: float | None) -> Response:
        scope = self.scope_of(request)
        standing = self.provider.standing("tokens", scope)
        limit = int(standing.limit) if standing else 6000
        place = f"for model `{scope.get('model', '')}` in organization `{self._org(scope)}` service tier `on_demand`"
        words = f"{place} on tokens per minute (TPM): Limit {limit}, Used {limit}, Requested 1"
        return self._too_many(words, "tokens", retry_after_s, scope)

    def _too_many(self, words: str, kind: str, wait_s: float | None, scope: dict[str, str]) -> Response:
        known = wait_s is not None and wait_s < 1e8
        hint = f" Please try again in {go_duration(wait_s)}." if known and wait_s is not None else ""
        body = error_object(f"Rate limit reached {words}.{hint} {_MORE}", kind, "rate_limit_exceeded")
        response = self.answer_json(429, body, scope)
        if known and wait_s is not None:  # rounded up: a fraction, but never too short
            response.headers = [*response.headers, ("retry-after", f"{math.ceil(wait_s * 100 - 1e-6) / 100:g}")]
        return response

    def overloaded(self, request: Request, scope: Scope) -> Response:
        """The flex tier has no capacity left."""
        body = error_object(
            "Flex tier capacity exceeded. Please try again later.", "capacity_exceeded", "capacity_exceeded"
        )
        return self.answer_json(498, body, scope)

    def _org(self, scope: dict[str, str]) -> str:
        return scope.get("org", "").replace("org-", "org_")
