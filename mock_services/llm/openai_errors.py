"""OpenAI's errors, word for word, computed from the limiter's state."""

from __future__ import annotations

import math
from typing import Any

from mock_services.quota import Denial
from mock_services.quota.hints import go_duration

_LEARN = "Visit https://platform.openai.com/account/rate-limits to learn more."
_NAMES = {
    "requests": ("requests", "requests per min (RPM)"),
    "tokens": ("tokens", "tokens per min (TPM)"),
    "input_tokens": ("tokens", "input tokens per min (ITPM)"),
    "output_tokens": ("tokens", "output tokens per min (OTPM)"),
    "requests_day": ("requests", "requests per day (RPD)"),
    "concurrency": ("requests", "concurrent requests"),
    "acceleration": ("requests", "request growth"),
}
MESSAGES = {
    500: (
        "The server had an error while processing your request. Sorry about that! You can retry your request, or "
        "contact us through our help center at help.openai.com if the error persists."
    ),
    502: "Bad gateway.",
    503: "The engine is currently overloaded, please try again later",
    504: "Gateway timeout.",
}


def error_object(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def rate_limit_error(denial: Denial, model: str, org: str) -> dict[str, Any]:
    """`Used` is rounded up, as the captured bodies have it; the hint comes from the exact state."""
    label = denial.limit.label.partition("/")[0]
    kind, name = _NAMES.get(label, ("requests", label))
    limit = f"Limit {math.floor(denial.limit.amount)}"
    requested = math.ceil(denial.requested)
    if denial.too_large:
        message = (
            f"Request too large for {model} in organization {org} on {name}: {limit}, Requested {requested}. "
            f"The input or output tokens must be reduced in order to run successfully. {_LEARN}"
        )
    else:
        hint = "" if math.isinf(denial.wait_s) else f" Please try again in {go_duration(denial.wait_s)}."
        message = (
            f"Rate limit reached for {model} in organization {org} on {name}: {limit}, "
            f"Used {math.ceil(denial.used - 1e-6)}, Requested {requested}.{hint} {_LEARN}"
        )
    return error_object(message, kind, "rate_limit_exceeded")


def quota_exceeded_error() -> dict[str, Any]:
    """The hard limit: no retry helps."""
    return error_object(
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        "insufficient_quota",
        "insufficient_quota",
    )


def status_error(status: int, message: str) -> dict[str, Any]:
    if status == 401:
        return error_object(message or "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
    if status < 500:
        return error_object(message or "The request was refused.", "invalid_request_error")
    words = message or MESSAGES.get(status, MESSAGES[500])
    return error_object(words, "server_error" if status != 503 else "service_unavailable_error")
