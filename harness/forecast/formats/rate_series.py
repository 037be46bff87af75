"""Rate series as AIPerf reads them: `{"points": [{"time_s": 0, "qps": 1}, ...]}`, in and out."""

from __future__ import annotations

import json
import math

import numpy as np

from harness.errors import Problem, UsageError
from harness.forecast.formats.lines import refuse
from harness.forecast.history import Rows
from harness.forecast.shape import Shape

MOST_STEPS = 1_000_000


def is_rate_series(text: str) -> bool:
    head = text.lstrip()[:200]
    return head.startswith("{") and '"points"' in head


def read_rate_series(text: str, name: str, timezone: str = "UTC") -> Rows:  # noqa: ARG001 -- a relative clock
    """Each point's rate holds until the next one. Points need not be evenly spaced: the grid is their common step."""
    try:
        points = json.loads(text)["points"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise UsageError(Problem("not a rate series", 'like {"points": [{"time_s": 0, "qps": 1}]}', name)) from None
    pairs: list[tuple[float, float]] = []
    problems: list[tuple[int, int, str]] = []
    for index, point in enumerate(points if isinstance(points, list) else []):
        at, rate = (_number(point.get(key)) if isinstance(point, dict) else math.nan for key in ("time_s", "qps"))
        if math.isfinite(at + rate) and (not pairs or at > pairs[-1][0]):
            pairs.append((at, rate))
        else:
            problems.append((0, 0, f"points[{index}] is not a later time_s with a qps: {str(point)[:60]}"))
    if problems or len(pairs) < 2:
        raise refuse(name, problems or [(0, 0, "fewer than two points: no history")])
    times_ms = np.array([round(t * 1000) for t, _ in pairs])
    step_ms = int(np.gcd.reduce(np.diff(times_ms)))
    # The last point says how long its rate holds by nothing: as long as the one before it.
    ends_ms = np.append(times_ms[1:], 2 * times_ms[-1] - times_ms[-2])
    repeats = (ends_ms - times_ms) // max(step_ms, 1)
    if np.any(np.diff(times_ms) == 0) or repeats.sum() > MOST_STEPS:
        raise UsageError(Problem("the points' times have no common step worth the name", "round them to seconds", name))
    first = np.repeat(times_ms, repeats)
    within = np.arange(first.size) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    samples = (within == 0).astype(np.int64)
    return Rows(
        (first + within * step_ms) * 1_000_000,
        np.ones(first.size, dtype=np.int64),
        relative=True,
        values=np.repeat([rate for _, rate in pairs], repeats).astype(np.float64),
        is_rate=True,
        samples=samples,
    )


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return float(value)
    return math.nan


def rate_series(shape: Shape, step_s: float = 1.0) -> str:
    """`shape` as a rate series: the mean rate of each step, exact in area."""
    edges = np.append(np.arange(0, shape.duration_s, step_s), shape.duration_s)
    knots, rates = shape.knots_s, shape.rates_per_s
    area = np.concatenate([[0.0], np.cumsum(np.diff(knots) * (rates[1:] + rates[:-1]) / 2)])
    at = np.searchsorted(knots, edges, side="right").clip(1, knots.size - 1) - 1
    done = area[at] + (edges - knots[at]) * (rates[at] + shape.rate_at(edges)) / 2
    done[-1] = area[-1]
    means = np.diff(done) / np.diff(edges)
    points = [
        {"time_s": round(float(t), 6), "qps": float(f"{rate:.9g}")} for t, rate in zip(edges[:-1], means, strict=True)
    ]
    assert all(math.isfinite(point["qps"]) for point in points)
    return json.dumps({"points": points})
