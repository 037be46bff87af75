"""From rates per bucket to a piecewise linear curve, and the busiest stretch of one."""

from __future__ import annotations

import numpy as np

from harness.forecast.area import Floats, cumulative_area

EASE = 0.25
"""The share of a bucket over which one mean passes into the next: the peak is held for the rest, and never exceeded."""


def curve_of_buckets(rates_per_s: Floats, bucket_s: float) -> tuple[Floats, Floats]:
    """Knots and rates of a curve that holds each bucket's mean and passes linearly, around each border, to the next.

    The total area differs from the buckets' only by nothing: what a border takes from one side it gives to the other.
    """
    ease_s = EASE * bucket_s
    borders = np.arange(1, rates_per_s.size) * bucket_s
    knots = np.column_stack([borders - ease_s / 2, borders + ease_s / 2]).ravel()
    rates = np.column_stack([rates_per_s[:-1], rates_per_s[1:]]).ravel()
    return (
        np.concatenate([[0.0], knots, [rates_per_s.size * bucket_s]]),
        np.concatenate([rates_per_s[:1], rates, rates_per_s[-1:]]),
    )


def busiest_start(knots_s: Floats, rates_per_s: Floats, for_s: float) -> float:
    """Where the stretch of `for_s` with the largest area starts; the middle one of equals (a plateau's centre)."""
    room = float(knots_s[-1]) - for_s
    if room <= 0:
        return 0.0
    high, low = cumulative_area(knots_s, rates_per_s)
    starts = np.unique(np.clip(np.concatenate([knots_s, knots_s - for_s, np.linspace(0, room, 4097)]), 0, room))
    area = np.interp(starts + for_s, knots_s, high + low) - np.interp(starts, knots_s, high + low)
    best = np.flatnonzero(area >= area.max() * (1 - 1e-12))
    # The first run of equals: a second plateau elsewhere must not pull the middle between the two.
    run = best[: int(np.argmax(np.diff(best, append=best[-1] + 2) > 1)) + 1]
    return float((starts[run[0]] + starts[run[-1]]) / 2)


def busiest_recorded(offsets_s: Floats, for_s: float, duration_s: float) -> float:
    """Where the stretch of `for_s` with the most recorded arrivals starts."""
    starts = np.minimum(offsets_s, max(0.0, duration_s - for_s))
    counts = np.searchsorted(offsets_s, starts + for_s) - np.searchsorted(offsets_s, starts)
    return float(starts[int(np.argmax(counts))]) if starts.size else 0.0
