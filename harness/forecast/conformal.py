"""Split conformal peaks: how much higher than forecast a day's peak came out, and what that certifies.

With k past ratios and a new one exchangeable with them, the new one is at most the r-th smallest with a chance of at
least r / (k + 1) (Vovk et al. 2005). So k ratios certify k / (k + 1) and no more: beyond it there is no number to give.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.forecast.history import Floats


@dataclass(frozen=True)
class Level:
    """The peak (requests/s, mean of a bucket) stays at or below `peak_per_s` with a chance of at least `quantile`."""

    quantile: float
    peak_per_s: float


LEAST_SCORES = 30


def recent(scores: Floats, quantile: float) -> Floats:
    """The most recent scores only, for traffic drifts: as many as `quantile` needs, `LEAST_SCORES` at the least."""
    return scores[-max(LEAST_SCORES, math.ceil(quantile / (1 - quantile) - 1e-9)) :]


def certified(scores: int) -> float:
    return scores / (scores + 1)


def upper_factor(scores: Floats, quantile: float) -> float:
    """The factor on the forecast peak that holds with `quantile`; infinite where the scores cannot certify it."""
    rank = math.ceil((scores.size + 1) * quantile - 1e-9)
    return math.inf if rank > scores.size else float(np.sort(scores)[max(rank, 1) - 1])


def levels_of(scores: Floats, forecast_peak_per_s: float) -> tuple[Level, ...]:
    """Every level that the scores certify, ascending."""
    size = scores.size
    return tuple(
        Level((i + 1) / (size + 1), float(factor) * forecast_peak_per_s) for i, factor in enumerate(np.sort(scores))
    )


def level_at(levels: tuple[Level, ...], quantile: float) -> Level | None:
    """The lowest level that certifies `quantile`, or None."""
    return next((level for level in levels if level.quantile >= quantile - 1e-9), None)
