"""An error object inside an answer that said 200: whose fault is it, in the row's terms."""

from __future__ import annotations

from typing import Any

from harness.results import Outcome

_THROTTLES = (
    "429",
    "rate_limit",
    "ratelimit",
    "resource_exhausted",
    "resourceexhausted",
    "insufficient_quota",
    "too_many_requests",
    "throttl",
    "quota",
)
_FIELDS = ("code", "type", "status", "http_status_code", "status_code", "error_type")


def judge_error(error: Any) -> Outcome:
    """THROTTLED when the error's own code, type or status says so, else SERVER_ERROR. The message is not read: prose
    about limits is not a code. `overloaded` stays a server error, as 503 and 529 are."""
    fields = [error.get(name) for name in _FIELDS] if isinstance(error, dict) else [error]
    codes = " ".join(str(f).lower() for f in fields if isinstance(f, str | int))
    return Outcome.THROTTLED if any(mark in codes for mark in _THROTTLES) else Outcome.SERVER_ERROR
