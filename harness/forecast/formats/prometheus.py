"""Answers of Prometheus's `query_range`: rates, or counters turned into their increases."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import Problem, UsageError
from harness.forecast.history import MOST_BUCKETS, Floats, Issue, Rows

_COUNTER = re.compile(r"_(?:total|count|created|sum|bucket)$")
_MOST_SERIES = 10_000
_LOOK_BACK_S = 300.0
"""So long Prometheus repeats the last value of what is gone."""
_LEAST_STEPS = 50
"""So many steps without a fall (one in a hundred may be a restart) are no traffic: a counter without its name..."""
_MOST_FALLS = 0.01
_LEAST_EXPECTED = 20.0
_MOST_STILL = 0.25
"""...and a counter that stands still at every fourth step, while it counts so many a step, is read too often."""


def is_prometheus(text: str) -> bool:
    head = text.lstrip()[:400]
    return head.startswith("{") and '"resultType"' in head


def read_prometheus(text: str, name: str, timezone: str = "UTC") -> Rows:  # noqa: ARG001 -- Unix times
    """All series of the matrix added up, one row a time step; each sample counts as a row of the file.

    A series whose metric name ends in `_total` or `_count` is a counter: its increases are taken, a restart included
    (a value below the last one started again from zero). Anything else is a rate in requests/s over the step before;
    one that only ever grows is refused as a counter that lost its name (as `sum()` of one does).
    """
    series = list(_series(text, name))
    grid = _grid(series, name)
    blanks = restarts = 0
    for one in series:
        _check_steps(one, name)
        one_restarts, one_blanks = grid.add(one)
        restarts += one_restarts
        blanks += one_blanks
    findings = [f"{len(series)} series added up"] if len(series) > 1 else []
    if restarts:
        findings.append(f"{restarts} counter restarts: counted on from zero")
    known = np.flatnonzero(grid.seen | grid.holed)
    values = np.where(grid.holed, np.nan, grid.rates_per_s)[known]
    behind = grid.samples[known]
    lost = int(behind[np.isnan(values)].sum())
    issues = []
    if blanks:
        issues.append(Issue("blank", blanks, 1, "sample is NaN"))
    if lost:
        issues.append(Issue("blank", lost, 1, "a series has a gap at the time: the sum would be too low"))
    # A sample speaks of the step that ends at it.
    times_ns = np.rint((grid.start_s + (known - 1) * grid.step_s) * 1e9).astype(np.int64)
    lines = np.ones(known.size, dtype=np.int64)
    return Rows(times_ns, lines, False, values, True, issues=tuple(issues), findings=tuple(findings), samples=behind)


@dataclass(frozen=True)
class _Series:
    counter: bool
    samples: tuple[tuple[float, float], ...]
    """(time, value), ascending by time; the value NaN where Prometheus says so."""


def _series(text: str, name: str) -> Iterator[_Series]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (0, 0)
        raise UsageError(Problem("not JSON", "save the answer of query_range as it is", name, line, column)) from None
    found = data.get("data", data) if isinstance(data, Mapping) else {}
    result = found.get("result") if isinstance(found, Mapping) else None
    if not isinstance(result, list) or found.get("resultType") != "matrix":
        raise UsageError(Problem("no matrix in it", "query_range gives one; query gives a vector", name))
    if not result or len(result) > _MOST_SERIES:
        raise UsageError(Problem(f"{len(result)} series: no history", "sum() them in the query", name))
    problems = []
    for index, one in enumerate(result):
        try:
            yield _one_series(one)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            problems.append(
                Problem(f"data.result[{index}] is no series ({error})", "each sample is [time, value]", name)
            )
    if problems:
        raise UsageError(*problems[:10])


def _check_steps(one: _Series, name: str) -> None:
    steps = np.diff([value for _, value in one.samples if not math.isnan(value)])
    if steps.size < _LEAST_STEPS:
        return
    moved = np.abs(steps) > 0
    if not one.counter and np.mean(steps < 0) <= _MOST_FALLS and np.mean(moved) > _MOST_STILL:
        raise UsageError(
            Problem("a series only ever grows: a counter, not a rate", "sum(rate(NAME[5m])) in the query", name)
        )
    if one.counter and np.mean(~moved) > _MOST_STILL and np.maximum(steps, 0).mean() > _LEAST_EXPECTED:
        what = f"a counter stands still at {np.mean(~moved):.0%} of the steps: it is scraped less often"
        raise UsageError(Problem(what, "take a longer --step", name))


def _one_series(one: Any) -> _Series:
    samples = sorted((_time(t), float(value)) for t, value in one["values"])
    for _, value in samples:
        if math.isinf(value) or value < 0:
            raise ValueError(f"value {value:g}")
    return _Series(_COUNTER.search(str(one["metric"].get("__name__", ""))) is not None, tuple(samples))


def _time(value: Any) -> float:
    time_s = float(value)
    if not 0 <= time_s < 7.2e9:
        raise ValueError(f"time {value!r}")
    return time_s


@dataclass
class _Grid:
    """Sums over the series, by time step."""

    start_s: float
    step_s: float
    rates_per_s: Floats
    samples: npt.NDArray[np.int64]
    seen: npt.NDArray[np.bool_]
    gaps: npt.NDArray[np.int64]
    """How many gaps open (+1) and close (-1) at each step: their running sum is the number of series in a gap."""

    @property
    def holed(self) -> npt.NDArray[np.bool_]:
        return np.cumsum(self.gaps)[:-1] > 0

    def add(self, one: _Series) -> tuple[int, int]:
        """Adds a series; (restarts, blanks)."""
        restarts = blanks = waiting = moved = 0
        stale = math.ceil(_LOOK_BACK_S / self.step_s)
        last: tuple[int, float] | None = None
        for time_s, value in one.samples:
            if math.isnan(value):
                blanks += 1
                continue
            slot = round((time_s - self.start_s) / self.step_s)
            waiting += 1
            if last is not None:
                gap = slot - last[0] > 1
                # The increase over a gap belongs to all of it: nobody knows when in it, so its end is unknown too, and
                # a counter that stood still before it was not asked any more.
                start = max(moved, last[0] - stale) + 1 if one.counter and gap else last[0] + 1
                self._gap(start, slot + (1 if one.counter and gap else 0))
            if not one.counter or last is not None:
                rate = value
                if one.counter:
                    assert last is not None
                    restarts += value < last[1]
                    rate = (value - last[1] if value >= last[1] else value) / self.step_s
                self.rates_per_s[slot] += rate
                self.seen[slot] = True
                self.samples[slot] += waiting
                waiting = 0
            if last is None or value != last[1]:
                moved = slot
            last = (slot, value)
        if waiting and last is not None:  # a counter seen once has no increase
            self._gap(last[0], last[0] + 1)
            self.samples[last[0]] += waiting
        return restarts, blanks

    def _gap(self, start: int, end: int) -> None:
        if end > start:
            self.gaps[start] += 1
            self.gaps[end] -= 1


def _grid(series: list[_Series], name: str) -> _Grid:
    gaps = np.concatenate([np.diff([t for t, _ in one.samples]) for one in series])
    gaps = np.round(gaps[gaps > 0], 3)
    gaps = gaps[gaps > 0]
    if gaps.size == 0:
        raise UsageError(Problem("fewer than two times: no history", "ask for a range", name))
    steps, seen = np.unique(gaps, return_counts=True)
    step_s = float(steps[np.argmax(seen)])
    times = [t for one in series for t, _ in one.samples]
    start_s = min(times)
    size = round((max(times) - start_s) / step_s) + 1
    if size > MOST_BUCKETS:
        raise UsageError(Problem(f"the times span {size:,} steps of {step_s:g} s", "look at the first and last", name))
    return _Grid(
        start_s, step_s, np.zeros(size), np.zeros(size, np.int64), np.zeros(size, bool), np.zeros(size + 1, np.int64)
    )
