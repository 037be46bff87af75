"""The forecast in words: the sentence a decision is taken on, and the doubts that go with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.forecast.conformal import Level, certified
from harness.forecast.daygrid import DayGrid
from harness.forecast.growth import Spread, Uplift
from harness.forecast.history import History
from harness.forecast.peak import OBSERVED_SAYS, UNPREDICTABLE
from harness.forecast.shape import Burst

STRESS_MULTIPLES = (1.5, 2.0, 3.0)


def rate_words(rate_per_s: float) -> str:
    """`0.42`, `18.7`, `1,930`."""
    return f"{rate_per_s:,.0f}" if rate_per_s >= 100 else f"{rate_per_s:.3g}"


def mean_words(bucket_s: float) -> str:
    return f"{bucket_s / 60:g}-min mean" if bucket_s >= 60 else f"{bucket_s:g}-s mean"


def _worst_words(worst_per_s: float, burst: Burst | None) -> str:
    if burst is None:
        return f", at least {worst_per_s:,.0f} in its worst second (bursts unknown, Poisson assumed)"
    return f", {worst_per_s:,.0f} in its worst second"


def peak_sentence(
    level: Level, asked: float, *, bucket_s: float, day: str, worst_per_s: float, burst: Burst | None
) -> str:
    """`the 95 % peak is 182 requests/s (1-min mean) on Tue 2026-05-12, 611 in its worst second`."""
    chance = asked if level.quantile >= asked - 1e-9 else level.quantile
    return (
        f"the {100 * chance:.3g} % peak is {rate_words(level.peak_per_s)} requests/s ({mean_words(bucket_s)}) on {day}"
        + _worst_words(worst_per_s, burst)
    )


def observed_sentence(what: str, top_per_s: float, bucket_s: float, worst_per_s: float, burst: Burst | None) -> str:
    return f"{OBSERVED_SAYS}: {what}, busiest {mean_words(bucket_s)} {rate_words(top_per_s)} requests/s" + _worst_words(
        worst_per_s, burst
    )


def forecast_notes(history: History, grid: DayGrid, label: str, quantile: float, scores: int) -> tuple[str, ...]:
    """What the reader must know beside the sentence: gaps, what is not certified, what is not predictable."""
    notes = [*history.notes, *history.intake.findings]
    if certified(scores) < quantile - 1e-9:
        needed = math.ceil(quantile / (1 - quantile) - 1e-9)
        notes.append(
            f"asked for {100 * quantile:.3g} %; {scores} past days certify {100 * certified(scores):.3g} %, no more: "
            f"{needed} are needed"
        )
    if label == UNPREDICTABLE:
        top = float(np.nanmax(grid.rates_per_s))
        multiples = ", ".join(f"{m:g}x = {rate_words(m * top)}/s" for m in STRESS_MULTIPLES)
        notes.append(f"past days say little about this peak: test multiples of the highest seen instead ({multiples})")
    if history.requests is None:
        notes.append(f"nothing is known below {grid.bucket_s:g} s: give request times, or a burst preset")
    return tuple(notes)


def plan_notes(lead: int, checked: int, uplifts: Sequence[Uplift], growth: Spread) -> tuple[str, ...]:
    """What was laid over the history, and how far ahead the method could be checked."""
    notes = []
    if growth.low < growth.high:
        notes.append(f"growth of {growth.low:g} / {growth.mid:g} / {growth.high:g} (low / mid / high) is an estimate")
    elif growth.mid != 1:
        notes.append(f"growth of {growth.mid:g} is taken as certain")
    notes += [f"{u.name}: times {u.factor:g} from {u.start} to {u.end}, taken as certain" for u in uplifts]
    if checked < lead:
        notes.append(f"the busiest day is {lead} days ahead; so few days can only check forecasts {checked} ahead")
    return tuple(notes)
