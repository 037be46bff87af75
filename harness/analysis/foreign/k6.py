"""k6: `--out json=FILE` and `--out csv=FILE`. One `http_req_duration` point a request, stamped at its end, in
milliseconds.

The duration leaves out waiting for a connection: `http_req_blocked`, which k6 writes just after it, is added. Every
`dropped_iterations` point becomes unsent arrivals: an open load that was not offered. A check that failed says, as an
assertion does, that the answer just before it was no success; so does `expected_response` of `false`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.analysis.assemble import Recorded, outcome_of_status
from harness.analysis.foreign.jsonlines import epoch_s, epoch_unit_s, finish, from_start, number, objects
from harness.analysis.table import read_table
from harness.errors import Problem, UsageError
from harness.results import Outcome, Reason, Rows

_DURATION, _BLOCKED, _DROPPED, _CHECKS = "http_req_duration", "http_req_blocked", "dropped_iterations", "checks"
_METRICS = frozenset({_DURATION, _BLOCKED, _DROPPED, _CHECKS})
_UNEXPECTED = "unexpected"
"""Stands for the error code of an answer that k6 was told not to expect."""
_TIMEOUTS = frozenset({1050, 1211, 1310})
_REFUSED = frozenset({1212})
_RESETS = frozenset({1220, 1650})

Point = tuple[float, float, str, str, str, int]
"""(end in epoch seconds, milliseconds or NaN for a dropped one, status, error code, journey, line)."""


@dataclass
class _Points:
    """The points of one file, one after the other."""

    requests: list[Point] = field(default_factory=list)
    failed: Counter[tuple[float, str, str]] = field(default_factory=Counter)
    """Checks that failed, by moment, scenario and name."""
    waiting: bool = False
    """Whether the request read last has not said yet how long it waited for its connection."""

    def add(self, metric: str, at_s: float, value: float, tags: Mapping[str, str], line: int) -> None:
        scenario = tags.get("scenario") or ""
        if metric == _DURATION:
            unexpected = tags.get("expected_response") == "false" and (tags.get("status") or "0") != "0"
            code = _UNEXPECTED if unexpected else tags.get("error_code") or ""
            self.requests.append((at_s, value, tags.get("status") or "0", code, scenario, line))
        elif metric == _BLOCKED and self.waiting and self.requests[-1][0] == at_s:
            last = self.requests[-1]
            self.requests[-1] = (last[0], last[1] + value, *last[2:])
        elif metric == _DROPPED:
            self.requests += _dropped(at_s, value, scenario, line)
        elif metric == _CHECKS and value == 0:
            self.failed[at_s, scenario, tags.get("check") or ""] += 1
        self.waiting = metric == _DURATION


def rows_from_json(text: str, name: str) -> Rows:
    """Rows of k6's JSON points."""
    points = _Points()
    for line, entry in objects(text, name):
        if entry.get("type") != "Point" or entry.get("metric") not in _METRICS:
            continue
        try:
            data = entry["data"]
            tags = {key: str(value) for key, value in (data.get("tags") or {}).items()}
            points.add(entry["metric"], epoch_s(str(data["time"])), number(data, "value"), tags, line)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(Problem(f"not a k6 point: {error}", file=name, line=line, column=1)) from None
    return _rows(points, name)


def rows_from_csv(text: str, name: str) -> Rows:
    """Rows of k6's CSV: its stamps are whole seconds unless k6 was told `K6_CSV_TIME_FORMAT=unix_nano` or such."""
    table = read_table(text, name)
    if not table.has("metric_name", "timestamp", "metric_value", "status"):
        raise UsageError(Problem("not k6's CSV", "k6 run --out csv=FILE writes it", name, 1, 1))
    ends, values = table.numbers("timestamp"), table.numbers("metric_value")
    table.settle()
    scale = epoch_unit_s(float(np.nanmax(ends)))
    metrics = table.words("metric_name")
    columns = {tag: table.words(tag) for tag in ("status", "error_code", "scenario", "expected_response", "check")}
    points = _Points()
    for k, metric in enumerate(metrics):
        if metric in _METRICS:
            tags = {tag: words[k] for tag, words in columns.items()}
            points.add(metric, float(ends[k]) * scale, float(values[k]), tags, table.lines[k])
    return _rows(points, name)


def _dropped(at: float, count: float, scenario: str, line: int) -> list[Point]:
    return [(at, float("nan"), "", "", scenario, line)] * min(1_000_000, max(0, int(count)))


def _rows(found: _Points, name: str) -> Rows:
    points = found.requests
    end = np.array([p[0] for p in points], dtype=float)
    spent = np.array([p[1] for p in points], dtype=float) / 1e3
    words = [_outcome(p, name) for p in points]
    for k in _refuted(found, words):
        words[k] = (Outcome.WRONG_SHAPE, Reason.CHECK_FAILED)
    sent = np.where(np.isnan(spent), end, end - spent)
    sent, end = from_start(sent, end)
    dropped = np.isnan(spent)
    recorded = Recorded(
        outcome=np.array([int(word) for word, _ in words], dtype=np.uint8),
        reason=np.array([int(reason) for _, reason in words], dtype=np.uint8),
        finished_s=np.where(dropped, np.nan, end),
        sent_s=sent,
        status=np.array([int(p[2] or 0) for p in points], dtype=np.uint16),
        journey=[p[4] for p in points],
    )
    return finish(recorded, name, [p[5] for p in points])


def _refuted(found: _Points, words: list[tuple[Outcome, Reason]]) -> list[int]:
    """Successes that a failed check speaks of: the last one before it in its scenario that no other check refuted.
    k6 does not say which request a check was about; several checks of one moment are about one answer."""
    most: dict[tuple[float, str], int] = {}
    for (at_s, scenario, _), count in found.failed.items():
        most[at_s, scenario] = max(count, most.get((at_s, scenario), 0))
    good = [(p[0], 0, p[4], k) for k, p in enumerate(found.requests) if words[k][0] is Outcome.OK]
    checks = [(at_s, 1, scenario, count) for (at_s, scenario), count in most.items()]
    waiting, refuted = defaultdict[str, list[int]](list), []
    for _, is_check, scenario, number_or_count in sorted(good + checks):
        stack = waiting[scenario]
        if not is_check:
            stack.append(number_or_count)
            continue
        refuted += stack[-number_or_count:]
        del stack[-number_or_count:]
    return refuted


def _outcome(point: Point, name: str) -> tuple[Outcome, Reason]:
    if np.isnan(point[1]):
        return Outcome.NOT_SENT, Reason.IN_FLIGHT_BOUND
    try:
        status = int(point[2] or 0)
        if status:
            word = outcome_of_status(status)
            refused = word is Outcome.OK and point[3] == _UNEXPECTED
            return (Outcome.WRONG_SHAPE, Reason.CHECK_FAILED) if refused else (word, Reason.NONE)
        code = int(point[3] or 0)
    except ValueError as error:
        raise UsageError(Problem(str(error), file=name, line=point[5], column=1)) from None
    if 1100 <= code < 1200:
        return Outcome.REFUSED, Reason.CLIENT_DNS
    word = Outcome.TIMEOUT if code in _TIMEOUTS else Outcome.REFUSED if code in _REFUSED else Outcome.RESET
    return word, Reason.NONE
