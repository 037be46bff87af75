"""GuideLLM: the JSON report with its requests. Moments in seconds since 1970; `targeted_start`, where it is kept, is
when a request was due, so that waiting before the send counts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from harness.analysis.assemble import Recorded
from harness.analysis.foreign.jsonlines import finish, from_start, number
from harness.errors import Problem, UsageError
from harness.results import Outcome, Rows


def rows_from_json(text: str, name: str) -> Rows:
    """Rows of a report of one benchmark. Raises UsageError for several: each has a rate of its own."""
    try:
        report = json.loads(text)
        benchmarks = report["benchmarks"]
        assert isinstance(benchmarks, list)
    except (json.JSONDecodeError, KeyError, TypeError, AssertionError, RecursionError):
        raise UsageError(Problem("not a GuideLLM report", "guidellm writes benchmarks.json", name, 1, 1)) from None
    if len(benchmarks) != 1:
        advice = "each has a rate of its own: keep one benchmark a file"
        raise UsageError(Problem(f"{len(benchmarks)} benchmarks in one report", advice, name, 1, 1))
    found = benchmarks[0].get("requests") if isinstance(benchmarks[0], dict) else None
    if not isinstance(found, dict):
        raise UsageError(Problem("a report without its requests", file=name, line=1, column=1))
    entries = [(kind, entry) for kind in ("successful", "errored", "incomplete") for entry in found.get(kind) or ()]
    try:
        return _rows(entries, name)
    except (ValueError, AttributeError, TypeError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(Problem(f"not a GuideLLM request: {error}", file=name, line=1, column=1)) from None


def _rows(entries: list[tuple[str, dict[str, Any]]], name: str) -> Rows:
    def times(*names: str) -> np.ndarray:
        return np.array([next((t for n in names if not np.isnan(t := _time(e, n))), np.nan) for _, e in entries])

    sent, end = times("request_start", "resolve_start"), times("request_end", "resolve_end")
    due, first, last = times("targeted_start"), times("first_token_iteration"), times("last_token_iteration")
    known_due = not np.isnan(due).any() and len(due) > 0
    sent, end, due, first, last = from_start(sent, end, due, first, last)
    outcomes = [_outcome(kind, entry) for kind, entry in entries]
    unsent = np.isnan(sent)
    recorded = Recorded(
        outcome=np.array([int(o) for o in outcomes], dtype=np.uint8),
        finished_s=np.where(unsent, np.nan, end),
        sent_s=sent,
        due_s=due if known_due else None,
        first_token_s=first,
        last_token_s=last,
        tokens_in=np.array([number(e, "prompt_tokens") for _, e in entries]),
        tokens_out=np.array([number(e, "output_tokens") for _, e in entries]),
    )
    return finish(recorded, name, [1] * len(entries))


def _time(entry: dict[str, Any], field: str) -> float:
    value = number(entry, "info", "timings", field)
    older = {"request_start": "start_time", "request_end": "end_time", "first_token_iteration": "first_token_time",
             "last_token_iteration": "last_token_time"}  # fmt: skip
    return number(entry, older[field]) if np.isnan(value) and field in older else value


def _outcome(kind: str, entry: dict[str, Any]) -> Outcome:
    if kind == "successful":
        return Outcome.OK
    if kind == "incomplete":
        return Outcome.CANCELLED
    info = entry.get("info") if isinstance(entry.get("info"), dict) else {}
    said = str((info or {}).get("error") or entry.get("error") or "").lower()
    if "429" in said or "too many requests" in said:
        return Outcome.THROTTLED
    return Outcome.TIMEOUT if "timeout" in said or "timed out" in said else Outcome.SERVER_ERROR
