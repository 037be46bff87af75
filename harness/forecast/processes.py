"""Arrival processes on a rate curve: Poisson, gamma-modulated Cox, deterministic. All by inverting the area."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.forecast.area import Floats, cumulative_area, invert_area
from harness.forecast.shape import Burst

FLICKER_SHARE = 0.9
"""Of the levels of a Cox process, so many are flickers: fan-outs of tenths of a second, 12 % of the time in all."""
FLICKER = 0.015
"""Their mean length as a fraction of tau..."""
FLICKER_VARIANCE = 8.0
"""...and their variance as a multiple of the other levels'. Without flickers the worst second of a quiet minute comes
out at half of what production code-completion traffic shows, at the same index of dispersion at 1 s and at 60 s."""
FLICKER_TIME = FLICKER_SHARE * FLICKER / (FLICKER_SHARE * FLICKER + 1 - FLICKER_SHARE)
"""The share of the time that flickers take."""


def total_area(knots_s: Floats, rates_per_s: Floats) -> float:
    high, low = cumulative_area(knots_s, rates_per_s)
    return float(high[-1] + low[-1])


def poisson_times(knots_s: Floats, rates_per_s: Floats, rng: np.random.Generator) -> Floats:
    """Exact non-homogeneous Poisson: a unit-rate process on the area, carried back to time. Ascending seconds."""
    area = total_area(knots_s, rates_per_s)
    targets: Floats = np.cumsum(rng.standard_exponential(math.ceil(area + 6 * math.sqrt(area) + 16)))
    while targets[-1] < area:
        more = targets[-1] + np.cumsum(rng.standard_exponential(1024))
        targets = np.concatenate([targets, more])
    return invert_area(knots_s, rates_per_s, targets[: int(np.searchsorted(targets, area))])


def deterministic_times(knots_s: Floats, rates_per_s: Floats) -> Floats:
    """Arrival i where the area reaches i + 1/2: as evenly as the rate allows, the count within 1/2 of the area."""
    area = total_area(knots_s, rates_per_s)
    return invert_area(knots_s, rates_per_s, np.arange(math.floor(area + 0.5), dtype=np.float64) + 0.5)


def cox_times(knots_s: Floats, rates_per_s: Floats, burst: Burst, rng: np.random.Generator) -> Floats:
    """Gamma-modulated Cox: a Poisson process on the curve times the levels of `burst`. Ascending seconds."""
    if burst.variance == 0:
        return poisson_times(knots_s, rates_per_s, rng)
    edges, levels = draw_levels(burst, float(knots_s[-1]), rng)
    return poisson_times(*modulate(knots_s, rates_per_s, edges, levels), rng)


def draw_levels(burst: Burst, duration_s: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Inner edges (m - 1,) and levels (m,) of a stationary stretch of the modulation: mean 1, variance as asked."""
    # At a fixed moment a stretch is met in proportion to its length, and an exponential forgets how long it has run.
    flickers = [rng.random(1) < FLICKER_TIME]
    lengths = [_lengths(burst, flickers[0], rng)]
    mean_s = burst.tau_s * (FLICKER_SHARE * FLICKER + 1 - FLICKER_SHARE)
    reached = float(lengths[0][0])
    while reached < duration_s:
        flickers.append(rng.random(math.ceil((duration_s - reached) / mean_s) + 16) < FLICKER_SHARE)
        lengths.append(_lengths(burst, flickers[-1], rng))
        reached += float(lengths[-1].sum())
    edges = np.cumsum(np.concatenate(lengths))
    edges = edges[: int(np.searchsorted(edges, duration_s))]
    variance = burst.variance * np.where(np.concatenate(flickers)[: edges.size + 1], FLICKER_VARIANCE, 1.0)
    return edges, rng.gamma(1 / variance, variance)


def _lengths(burst: Burst, flickers: npt.NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    return rng.standard_exponential(flickers.size) * np.where(flickers, FLICKER * burst.tau_s, burst.tau_s)


def modulate(knots_s: Floats, rates_per_s: Floats, edges_s: Floats, levels: Floats) -> tuple[Floats, Floats]:
    """The curve times a step function: `levels[i]` up to `edges_s[i]`. Exact: pieces stay linear."""
    times = np.concatenate([knots_s, edges_s, edges_s])
    at = np.interp(edges_s, knots_s, rates_per_s)
    rates = np.concatenate([rates_per_s, at, at])
    # A knot takes the level it lies in; an edge appears twice, with the level before it and the level after.
    index = np.arange(edges_s.size)
    which = np.concatenate([np.searchsorted(edges_s, knots_s, side="right"), index, index + 1])
    order = np.lexsort((which, times))
    return times[order], (rates * levels[which])[order]
