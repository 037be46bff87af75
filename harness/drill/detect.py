"""When degraded mode began and when it was over, from sliding windows with exact bounds (drills.md, "Numbers")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis import beta_quantile
from harness.drill.seen import Bools, Floats, Seen
from harness.drill.signals import ABSENT, UPSTREAM, Signal

STEP_S = 1.0
WINDOW_REQUESTS = 30
WINDOWS_TO_BEGIN = 2
WINDOWS_TO_RECOVER = 3
ALPHA = 0.05
"""Of each one-sided bound."""
TAKEN_OVER, NEVER_USED, ALWAYS_USED = 0.5, 0.05, 0.95
"""Shares of answers that used an upstream, by which the ladder's level 4 finds degraded mode by itself."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """Sliding windows of `width_s`, `STEP_S` apart. Shapes (w,)."""

    start_s: Floats
    width_s: float
    n: Counts
    hits: Counts

    @property
    def low(self) -> Floats:
        """Lower bounds of the share of hits, one-sided; 0 where nothing was seen."""
        return np.array([share_low(int(k), int(n)) for k, n in zip(self.hits, self.n, strict=True)])


def share_low(hits: int, n: int) -> float:
    """Clopper-Pearson's lower bound at 95 %."""
    return beta_quantile(ALPHA, hits, n - hits + 1) if hits else 0.0


def share_high(hits: int, n: int) -> float:
    """Clopper-Pearson's upper bound at 95 %; 1 where nothing was seen."""
    return beta_quantile(1 - ALPHA, hits + 1, n - hits) if hits < n else 1.0


def width_s(rate_per_s: float) -> float:
    """Wide enough for 30 requests, and at least a second."""
    return max(1.0, WINDOW_REQUESTS / rate_per_s)


def windows(at_s: Floats, hit: Bools, start_s: float, end_s: float, width: float) -> Windows:
    """Windows that lie whole in [start_s, end_s); `at_s` need not be sorted, what is not finite is in none."""
    starts = np.arange(start_s, end_s - width + 1e-9, STEP_S)
    order = np.argsort(at_s, kind="stable")
    times, hits = at_s[order], np.concatenate([[0], np.cumsum(hit[order])])
    first, last = np.searchsorted(times, starts), np.searchsorted(times, starts + width)
    return Windows(starts, width, last - first, hits[last] - hits[first])


def begin_s(seen: Seen, carries: Bools, share: float) -> float:
    """The first moment from which answers carry a signal in more than `share` of the cases for two windows on end,
    on the run's clock; infinity for never. Inside the first such window it is the first answer that carries it."""
    slid = windows(seen.answered_s, carries, seen.inject_s, seen.revert_s, width_s(seen.rate_per_s))
    over = _runs(slid.low > share, WINDOWS_TO_BEGIN)
    if not over.any():
        return np.inf
    start = float(slid.start_s[np.argmax(over)])
    after = seen.answered_s[carries & (seen.answered_s >= start)]
    return float(after.min())


def recovered_s(seen: Seen, degraded: Bools, errors_limit: float, degraded_limit: float) -> float:
    """The first of three windows on end after the revert inside both limits and the baseline's in-flight band, on the
    run's clock; infinity for never. A window with less than half of its answers is in no limit."""
    width = width_s(seen.rate_per_s)
    bad = windows(seen.finished_s, ~seen.success, seen.revert_s, seen.end_s, width)
    marked = windows(seen.finished_s, degraded, seen.revert_s, seen.end_s, width)
    inside = (bad.low <= errors_limit) & (marked.low <= degraded_limit)
    inside &= bad.n >= 0.5 * width * seen.rate_per_s
    band = in_flight_band(seen)
    inside &= np.array([in_flight(seen, s, s + width).mean() <= band for s in bad.start_s], dtype=bool)
    back = _runs(inside, WINDOWS_TO_RECOVER)
    return float(bad.start_s[np.argmax(back)]) if back.any() else np.inf


def in_flight(seen: Seen, start_s: float, end_s: float) -> Floats:
    """Requests open at each tenth of a second of [start_s, end_s)."""
    at = np.arange(start_s, end_s, 0.1)
    begun, ended = np.sort(seen.due_s), np.sort(seen.finished_s)
    return (np.searchsorted(begun, at, "right") - np.searchsorted(ended, at, "right")).astype(np.float64)


def in_flight_band(seen: Seen) -> float:
    """The most that a window's mean may be: the baseline's own largest tenth of a second."""
    sample = in_flight(seen, seen.baseline_s, seen.inject_s)
    return float(max(np.quantile(sample, 0.99), sample.mean() * 1.25 + 1)) if sample.size else 0.0


def own_signals(seen: Seen) -> Iterator[Signal]:
    """Level 4 without being told: an upstream that answered nobody in the baseline and answers most under the fault,
    and one that everybody's answer needed and few need now."""
    before, under = (seen.success & among for among in (seen.undisturbed, seen.due_in(seen.inject_s, seen.revert_s)))
    if not before.any() or not under.any():
        return
    for name in seen.calls.names:
        used = np.isin(seen.seq, seen.calls.seq[seen.calls.on(name) & seen.calls.ok])
        was = float(used[before].mean())
        late = under & (seen.due_s >= (seen.inject_s + seen.revert_s) / 2)
        is_now = float(used[late].mean()) if late.any() else float(used[under].mean())
        if was <= NEVER_USED and is_now >= TAKEN_OVER:
            yield Signal(UPSTREAM, "", name, TAKEN_OVER, f"upstream share {name} >= 50%")
        elif was >= ALWAYS_USED and is_now <= 1 - TAKEN_OVER:
            yield Signal(ABSENT, "", name, TAKEN_OVER, f"upstream absent {name} >= 50%")


def _runs(holds: Bools, length: int) -> Bools:
    """Where `length` windows on end hold, from each start."""
    if holds.size < length:
        return np.zeros(holds.size, bool)
    padded = np.concatenate([holds, np.zeros(length - 1, bool)])
    stacked: Bools = np.all([padded[i : i + holds.size] for i in range(length)], axis=0)
    return stacked
