"""A history straight from a Prometheus: `query_range`, its answer as text for the reader of such answers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from harness.errors import Problem, RefusedError, UsageError
from harness.units import parse_duration_s

MOST_POINTS = 11_000
"""Of a series in one answer: Prometheus refuses more, so a longer time is asked for in parts."""
MOST_PARTS = 20
MOST_BYTES = 64 * 1024 * 1024
TIMEOUT_S = 60.0
_LOOKS_BACK = re.compile(r"\[\s*(\d+(?:ms|s|m|h|d))\s*\]")


@dataclass(frozen=True)
class Query:
    """PromQL that gives requests/s (or a counter), over the last `days`, a value each `step_s`."""

    promql: str
    days: float = 28.0
    step_s: float = 300.0

    @property
    def doubts(self) -> tuple[str, ...]:
        """What its values do not say."""
        ranges = {parse_duration_s(text) for text in _LOOKS_BACK.findall(self.promql)}
        return tuple(
            f"the query looks back {looks_s:g} s at each step of {self.step_s:g} s: "
            + ("what happened between is not seen" if looks_s < self.step_s else "shorter peaks are flattened")
            for looks_s in sorted(ranges)
            if looks_s != self.step_s
        )


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
    steps = math.floor(query.days * 86_400 / query.step_s)
    if steps >= MOST_PARTS * MOST_POINTS:
        least_s = math.ceil(query.days * 86_400 / (MOST_PARTS * MOST_POINTS - 1))
        what = f"{query.days:g} days in steps of {query.step_s:g} s are more than {MOST_PARTS * MOST_POINTS:,} points"
        raise UsageError(Problem(what, f"--step {least_s}s, or fewer --days"))
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = address.rstrip("/") + "/api/v1/query_range"
    texts, size = [], 0
    with client or httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as http:
        for asked in _parts(query, steps, now):
            texts.append(_answer(http, url, asked, headers, MOST_BYTES - size))
            size += len(texts[-1])
    return texts[0] if len(texts) == 1 else _joined(texts, urlsplit(url).hostname or url)


def _parts(query: Query, steps: int, now: datetime) -> Iterator[dict[str, str]]:
    """What is asked for, oldest first. Whole steps, so that the same query gives the same times again."""
    end_s = now.timestamp() // query.step_s * query.step_s
    for first in range(0, steps + 1, MOST_POINTS):
        last = min(first + MOST_POINTS - 1, steps)
        yield {
            "query": query.promql,
            "start": f"{end_s - (steps - first) * query.step_s:.3f}",
            "end": f"{end_s - (steps - last) * query.step_s:.3f}",
            "step": f"{query.step_s:g}",
        }


def _joined(texts: Sequence[str], where: str) -> str:
    """The matrices of several answers as one; a series is known by its labels."""
    series: dict[str, dict[str, Any]] = {}
    for text in texts:
        try:
            for one in json.loads(text)["data"]["result"]:
                metric = one["metric"]
                assert isinstance(metric, Mapping)
                known = series.setdefault(json.dumps(metric, sort_keys=True), {"metric": metric, "values": []})
                known["values"].extend(one["values"])
        except (ValueError, KeyError, TypeError, AssertionError, RecursionError):
            raise RefusedError(Problem(f"Prometheus at {where} gave no matrix", text[:200])) from None
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": list(series.values())}})


def _answer(http: httpx.Client, url: str, asked: dict[str, str], headers: dict[str, str], most_bytes: int) -> str:
    where = urlsplit(url).hostname or url
    try:
        with http.stream("POST", url, data=asked, headers=headers) as answer:
            body = bytearray()
            for part in answer.iter_bytes():
                body += part
                if len(body) > most_bytes:
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
