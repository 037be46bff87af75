"""What is to come that no history holds: growth in three estimates, calendar uplifts, levels of their products.

A low / mid / high estimate is read as the 10, 50 and 90 % points of a lognormal in two halves: people's lows and highs
are seldom their worst cases, and what multiplies traffic is skewed upwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.errors import Problem, UsageError
from harness.forecast.conformal import Level, levels_of
from harness.forecast.daygrid import DayGrid
from harness.forecast.history import Floats
from harness.forecast.streams import stream

DRAWS = 20_000
QUANTILES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99)
_Z90 = 1.2815515655446004


@dataclass(frozen=True)
class Spread:
    """An uncertain factor: one in ten below `low`, one in two below `mid`, nine in ten below `high`; all above 0."""

    low: float
    mid: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.mid <= self.high < math.inf:
            raise UsageError(
                Problem(f"low, mid, high are {self.low:g}, {self.mid:g}, {self.high:g}", "they ascend from above 0")
            )

    def draw(self, rng: np.random.Generator, count: int = DRAWS) -> Floats:
        z = rng.standard_normal(count) / _Z90
        up, down = math.log(self.high / self.mid), math.log(self.mid / self.low)
        return self.mid * np.exp(np.where(z > 0, z * up, z * down))


def as_spread(value: float | Spread) -> Spread:
    return value if isinstance(value, Spread) else Spread(value, value, value)


@dataclass(frozen=True)
class Uplift:
    """A known event: between two wall-clock moments (ISO 8601, the history's time zone) traffic is `factor` times the
    usual."""

    name: str
    start: str
    end: str
    factor: float


def uplift_factors(uplifts: Sequence[Uplift], grid: DayGrid, horizon_days: int) -> Floats:
    """The multiplier of every bucket of the horizon; shape (horizon_days, slots). Overlapping events multiply.

    Raises UsageError where an event has no place on the history's clock or lies outside the horizon.
    """
    slots = grid.rates_per_s.shape[1]
    factors = np.ones(horizon_days * slots)
    problems = []
    for uplift in uplifts:
        where = f"uplift {uplift.name!r}"
        if grid.end_wall_ns is None:
            problems.append(Problem(f"{where}: the history's clock has no dates", "use growth for it instead"))
            continue
        try:
            start, end = (pd.Timestamp(text).tz_localize(None).value for text in (uplift.start, uplift.end))
        except (ValueError, TypeError):
            problems.append(Problem(f"{where}: not times: {uplift.start!r}, {uplift.end!r}", "like 2026-11-27T09:00"))
            continue
        if not (end > start and 0 < uplift.factor < math.inf):
            problems.append(Problem(f"{where}: from {uplift.start} to {uplift.end}, times {uplift.factor:g}"))
            continue
        bucket_ns = grid.bucket_s * 1e9
        first = max(0, math.floor((start - grid.end_wall_ns) / bucket_ns))
        last = min(factors.size, math.ceil((end - grid.end_wall_ns) / bucket_ns))
        if first >= last:
            problems.append(Problem(f"{where} lies outside the horizon", f"of {horizon_days} days after the history"))
            continue
        factors[first:last] *= uplift.factor
    if problems:
        raise UsageError(*problems)
    return factors.reshape(horizon_days, slots)


def grown_levels(scores: Floats, top_per_s: float, growth: Spread, seed: int) -> tuple[Level, ...]:
    """Certified levels of actual / forecast peak (`scores`) times growth times the forecast peak, ascending.

    The score beyond all k seen ones (its chance is 1 / (k + 1)) is infinite, so no level above k / (k + 1) comes out.
    """
    if growth.low == growth.high:
        return levels_of(scores, top_per_s * growth.mid)
    rng = stream(seed, "growth")
    ordered = np.append(np.sort(scores), math.inf)
    product = ordered[rng.integers(0, ordered.size, DRAWS)] * growth.draw(rng) * top_per_s
    return levels_of_draws(product, scores.size / (scores.size + 1))


def levels_of_draws(draws: Floats, certified: float = 1.0) -> tuple[Level, ...]:
    """Levels at QUANTILES of Monte-Carlo draws, up to what is certified and finite."""
    ordered = np.sort(draws)
    levels = []
    for quantile in QUANTILES:
        value = float(ordered[min(math.ceil(quantile * ordered.size), ordered.size) - 1])
        if quantile <= certified + 1e-9 and math.isfinite(value):
            levels.append(Level(quantile, value))
    return tuple(levels)


def draws_of_levels(levels: Sequence[Level], expected: float, rng: np.random.Generator) -> Floats:
    """Draws from what certified levels promise: each chance takes the level that covers it, what none covers is
    infinite; without levels, the expected peak alone."""
    if not levels:
        return np.full(DRAWS, expected)
    quantiles = np.array([level.quantile for level in levels])
    peaks = np.append([level.peak_per_s for level in levels], math.inf)
    return peaks[np.searchsorted(quantiles, rng.random(DRAWS), side="left")]
