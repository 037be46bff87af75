"""A history straight from a Prometheus: one `query_range`, its answer as text for the reader of such answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx

from harness.errors import Problem, RefusedError, UsageError

MOST_POINTS = 11_000
"""Of a series in one answer: Prometheus refuses more."""
MOST_BYTES = 64 * 1024 * 1024
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Query:
    """PromQL that gives requests/s (or a counter), over the last `days`, a value each `step_s`."""

    promql: str
    days: float = 28.0
    step_s: float = 300.0


def is_address(text: str) -> bool:
    return urlsplit(text).scheme in ("http", "https")


def query_range(address: str, query: Query, now: datetime, token: str = "", client: httpx.Client | None = None) -> str:
    """The answer's text. `token` goes out as a bearer token; redirects are not followed.

    Raises UsageError for a query that cannot be asked, RefusedError where no answer comes.
    """
    if not is_address(address):
        raise UsageError(Problem(f"{address} is no address of a Prometheus", "like http://127.0.0.1:9090"))
    if not (0 < query.days <= 400 and query.step_s >= 1):
        raise UsageError(Problem(f"{query.days:g} days in steps of {query.step_s:g} s", "up to 400 days, 1 s and more"))
    least_s = math.ceil(query.days * 86_400 / MOST_POINTS)
    if query.step_s < least_s:
        what = f"{query.days:g} days in steps of {query.step_s:g} s are more than {MOST_POINTS:,} points"
        raise UsageError(Problem(what, f"--step {least_s}s, or fewer --days"))
    # Whole steps, so that the same query gives the same times again.
    end_s = now.timestamp() // query.step_s * query.step_s
    asked = {
        "query": query.promql,
        "start": f"{end_s - timedelta(days=query.days).total_seconds():.3f}",
        "end": f"{end_s:.3f}",
        "step": f"{query.step_s:g}",
    }
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with client or httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as http:
        return _answer(http, address.rstrip("/") + "/api/v1/query_range", asked, headers)


def _answer(http: httpx.Client, url: str, asked: dict[str, str], headers: dict[str, str]) -> str:
    where = urlsplit(url).hostname or url
    try:
        with http.stream("POST", url, data=asked, headers=headers) as answer:
            body = bytearray()
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise UsageError(
                        Problem("the answer is larger than 64 MB", "sum() in the query, or a longer --step")
                    )
            status = answer.status_code
    except httpx.HTTPError as error:
        raise RefusedError(Problem(f"Prometheus at {where} does not answer: {error or type(error).__name__}")) from None
    text = body.decode("utf-8", "replace")
    if status != httpx.codes.OK:
        advice = "set PROMETHEUS_TOKEN" if status in (401, 403) else text[:200]
        raise RefusedError(Problem(f"Prometheus at {where} answered {status}", advice))
    return text
