"""Steadiness: when the warm-up ended (MSER-5) and whether the system kept up with the load (the drift of requests in
flight).

Where the planned rate is constant, the slope of in-flight over the offered rate is the share of the load that is not
being
served, `1 - 1/rho`. Where it moves, the residual of in-flight against planned rate x quiet time in system stands in
for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.analysis.interval import BLOCKS
from harness.analysis.scene import Scene, Segment
from harness.analysis.special import t_quantile
from harness.analysis.view import Bools, Floats, View

SAMPLE_HZ = 10.0
FEWEST_SAMPLES = 200
"""20 s at 10 Hz."""
FEWEST_ARRIVALS = 5 * BLOCKS
UNSTABLE_EXCESS = 0.005
SHOWN_EXCESS = 0.02
WALK_ALPHA = 0.05
LONGEST_START = 0.1


def in_flight(view: View, moments_s: Floats) -> Floats:
    """Requests between due and finished at each moment; those without an end stay in flight. Never-sent ones are
    not."""
    there = ~view.never_sent
    due = view.due_s[there]
    ends = np.sort(view.finished_s[there])  # NaN sorts last: never ended
    count: Floats = (
        np.searchsorted(due, moments_s, side="right") - np.searchsorted(ends, moments_s, side="right")
    ).astype(np.float64)
    return count


def moments(segment: Segment) -> Floats:
    """The 10 Hz sampling points of a segment, at most 100,000 of them."""
    count = min(100_000, int(segment.duration_s * SAMPLE_HZ))
    at = segment.start_s + (np.arange(count) + 0.5) * (segment.duration_s / max(count, 1))
    return np.asarray(at)


def truncation(series: Floats) -> tuple[int, bool]:
    """MSER-5: (observations to cut, whether the cut lies at its bound of half the series)."""
    m = len(series) // 5
    if m < 10:
        return 0, False
    batches = series[: 5 * m].reshape(m, 5).mean(axis=1)
    y = np.asarray(batches - batches.mean())
    tail, tail_square = np.cumsum(y[::-1])[::-1], np.cumsum((y * y)[::-1])[::-1]
    left = np.arange(m, 0, -1, dtype=np.float64)
    bound = m // 2
    z = ((tail_square - tail * tail / left) / (left * left))[: bound + 1]
    cut = int(np.argmin(z))
    return 5 * cut, cut == bound


@dataclass(frozen=True)
class WarmUp:
    """How a judged segment began. `cut_s` is the moment on the run's clock from which it is steady."""

    segment: Segment
    cut_s: float
    never: bool
    why: str = ""


def warm_up(scene: Scene, segment: Segment, deadline_s: float) -> WarmUp:
    """The later of the cuts of log latency and of in-flight; only where the planned rate is constant."""
    if not segment.constant_rate:
        return WarmUp(segment, segment.start_s, never=False)
    view = scene.judged.where(segment.holds(scene.judged.due_s))
    cut_s, never, why = segment.start_s, False, ""
    if len(view) >= 50:
        latency = np.where(view.success, view.e2e_s, deadline_s)
        series = np.log(np.clip(np.nan_to_num(latency, nan=deadline_s), 1e-6, deadline_s))
        cut, at_bound = truncation(series)
        if at_bound and _halves_differ(series):
            never, why = True, "latency was still settling half-way through the phase"
        elif not at_bound:
            cut_s = max(cut_s, float(view.due_s[cut]) if cut else cut_s)
    at = moments(segment)
    if len(at) >= FEWEST_SAMPLES:
        series = in_flight(scene.arrivals, at)
        cut, at_bound = truncation(series)
        if at_bound and _halves_differ(series):
            never, why = True, "requests in flight were still settling half-way through the phase"
        elif not at_bound:
            cut_s = max(cut_s, float(at[cut]) if cut else cut_s)
    return WarmUp(segment, cut_s, never, why)


def latest_cut_s(scene: Scene, segment: Segment) -> float:
    """Up to when slowness may be put down to a cold start: not at all where load led up to the segment, else for a
    tenth of it."""
    due = scene.arrivals.due_s
    led_up = bool(np.any((due < segment.start_s) & (due > segment.start_s - 5.0)))
    return segment.start_s if led_up else segment.start_s + LONGEST_START * segment.duration_s


def _halves_differ(series: Floats) -> bool:
    """Noise alone puts the minimum of MSER at its bound now and then: the bound is believed where the first and the
    second half differ too, beyond AR(1) noise (20 blocks, one in a thousand) and beyond what a random walk wanders
    (one in twenty: the means of its halves are sqrt(20 / 3) steps apart).

    A target that gets faster all the time makes its own halves uneven, and hides in that noise: where the level falls,
    noise around each half's own trend will do."""
    blocks = _blocks(series)
    half = BLOCKS // 2
    first, second = blocks[:half], blocks[half:]
    gap = float(first.mean() - second.mean())
    wander = float(np.diff(blocks).std(ddof=1)) * math.sqrt(BLOCKS / 3)
    if abs(gap) <= t_quantile(1 - WALK_ALPHA, BLOCKS - 2) * wander:
        return False
    level = np.concatenate([first - first.mean(), second - second.mean()])
    trend = np.concatenate([_detrended(first), _detrended(second)])
    return abs(gap) > _noise(level, BLOCKS - 2) or gap > _noise(trend, BLOCKS - 4)


def _noise(residuals: Floats, freedom: int) -> float:
    """How far apart noise puts the means of two halves: one in a thousand is further, AR(1) allowed for."""
    variance = float((residuals**2).sum()) / freedom
    return t_quantile(0.9995, freedom) * math.sqrt(variance * 4 / BLOCKS * _inflation(residuals))


def _detrended(values: Floats) -> Floats:
    x = np.arange(len(values)) - (len(values) - 1) / 2
    rest: Floats = values - values.mean() - x * float((x * values).sum() / (x * x).sum())
    return rest


def _blocks(series: Floats) -> Floats:
    m = len(series) // BLOCKS
    return np.asarray(series[: m * BLOCKS].reshape(BLOCKS, m).mean(axis=1))


def _inflation(residuals: Floats) -> float:
    """How much an AR(1) series' mean varies beyond an independent one's: `(1 + phi) / (1 - phi)`, phi mended for its
    own small-sample bias."""
    square = float((residuals**2).sum())
    if square <= 0:
        return 1.0
    phi = float((residuals[1:] * residuals[:-1]).sum()) / square
    phi += (1 + 4 * phi) / len(residuals)
    phi = min(max(phi, 0.0), 0.9)
    return (1 + phi) / (1 - phi)


@dataclass(frozen=True)
class Drift:
    """Growth of in-flight over the offered load: its estimate and one-sided bounds, as shares of the offered rate."""

    segment: Segment
    excess: float
    low: float
    high: float
    walk_low: float
    """The lower bound at 95 % if in-flight were a random walk: a busy queue near saturation wanders like one."""

    @property
    def unstable(self) -> bool:
        return self.excess >= UNSTABLE_EXCESS and self.low > 0 and self.walk_low > 0

    @property
    def shown(self) -> bool:
        return self.high <= SHOWN_EXCESS


def drift(scene: Scene, warm: WarmUp, alpha: float) -> Drift | None:
    """The stability test on one segment; None where it is too short or too quiet to test.

    A segment that load led up to is tested whole: MSER cuts a growing queue where it likes. One that starts from an
    empty system loses its warm-up, at most a tenth.
    """
    segment = warm.segment
    from_s = min(warm.cut_s, latest_cut_s(scene, segment))
    part = Segment(segment.phase, from_s, segment.end_s, segment.constant_rate)
    at = moments(part)
    due_here = part.holds(scene.arrivals.due_s)
    if len(at) < FEWEST_SAMPLES // 2 or due_here.sum() < FEWEST_ARRIVALS:
        return None
    rate = float(due_here.sum()) / part.duration_s
    series, quiet_s = in_flight(scene.arrivals, at), 0.0
    if not segment.constant_rate:
        load, quiet_s = _expected(scene, part, at, due_here)
        series -= load
    width = part.duration_s * (len(series) // BLOCKS) / len(series)
    slope, error = _trend(_blocks(series), width)
    margin = error * t_quantile(1 - alpha, BLOCKS - 2)
    steps = np.diff(_ends(series)) / width
    walk_low = float(steps.mean()) - t_quantile(1 - WALK_ALPHA, BLOCKS - 1) * float(steps.std(ddof=1)) / math.sqrt(
        BLOCKS
    )
    # A healthy system may well be slower under more load; growth that more than doubles its time in system is not that.
    if not segment.constant_rate and slope * part.duration_s <= rate * quiet_s:
        slope, walk_low = min(slope, 0.0), -math.inf
    return Drift(segment, slope / rate, (slope - margin) / rate, (slope + margin) / rate, walk_low / rate)


def _trend(blocks: Floats, width: float) -> tuple[float, float]:
    """(slope, its standard error) of 20 block means by least squares, inflated for AR(1) residuals."""
    x = (np.arange(BLOCKS) - (BLOCKS - 1) / 2) * width
    slope = float((x * blocks).sum() / (x * x).sum())
    residuals = blocks - blocks.mean() - slope * x
    variance = float((residuals**2).sum()) / (BLOCKS - 2) * _inflation(residuals)
    return slope, math.sqrt(variance / float((x * x).sum()))


def _ends(series: Floats) -> Floats:
    """The level at the 21 ends of 20 blocks, each a mean over a fifth of a block."""
    m = len(series) // BLOCKS
    k = max(1, m // 5)
    ends = series[: m * BLOCKS].reshape(BLOCKS, m)[:, -k:].mean(axis=1)
    return np.concatenate([[series[:k].mean()], ends])


def _expected(scene: Scene, part: Segment, at: Floats, due_here: Bools) -> tuple[Floats, float]:
    """Planned rate x mean time in system of the quiet part (the slower half of 20 stretches by rate), and that time."""
    view = scene.arrivals.where(due_here)
    edges = np.linspace(part.start_s, part.end_s, BLOCKS + 1)
    counts = np.histogram(view.due_s, bins=edges)[0]
    where = np.clip(np.searchsorted(edges, view.due_s, side="right") - 1, 0, BLOCKS - 1)
    quiet = counts[where] <= np.median(counts)
    spent = view.e2e_s[quiet & view.success]
    quiet_s = float(spent.mean()) if len(spent) else 0.0
    window = max(quiet_s, 0.1)
    due = scene.arrivals.due_s
    recent = np.searchsorted(due, at, side="right") - np.searchsorted(due, at - window, side="right")
    return recent / window * quiet_s, quiet_s
