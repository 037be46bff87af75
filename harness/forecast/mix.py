"""The mix over time: what share of the requests is of which journey, in each stretch of a curve.

Shares of few requests are shrunk to the mix of all of them, by as much as the stretches differ less than chance would
have them (moments of a Dirichlet-multinomial). Where they differ by no more than chance, the mix is one and the same
all the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.forecast.daygrid import DAY_S, DayGrid
from harness.forecast.history import Floats, History

WIDTHS_S = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0)
LEAST_REQUESTS = 200
"""A stretch is as wide as it takes to hold so many on average..."""
MOST_STRETCHES = 96
RECENT_DAYS = 14
"""...and a forecast day's mix is that of the last two weeks: older days had other habits."""
_CHANCE_SIGMAS = 3.0


@dataclass(frozen=True)
class Mix:
    """The share of each journey in each stretch of time."""

    names: tuple[str, ...]
    starts_s: Floats
    """Ascending from 0; a stretch ends where the next one starts, the last one never. Shape (b,)."""
    shares: Floats
    """Each row sums to 1. Shape (b, len(names))."""

    def __post_init__(self) -> None:
        assert self.starts_s.size > 0 and self.starts_s[0] == 0 and bool(np.all(np.diff(self.starts_s) > 0))
        assert self.shares.shape == (self.starts_s.size, len(self.names)) and bool(np.all(self.shares >= 0))
        assert bool(np.allclose(self.shares.sum(axis=1), 1.0)), "shares sum to 1"

    def cut(self, from_s: float, for_s: float, time_scale: float = 1.0) -> Mix:
        """The mix from `from_s` on for `for_s`, on a clock that starts there and runs `time_scale` times as fast."""
        first = max(0, int(np.searchsorted(self.starts_s, from_s, side="right")) - 1)
        last = max(first + 1, int(np.searchsorted(self.starts_s, from_s + for_s, side="left")))
        starts = np.maximum(self.starts_s[first:last] - from_s, 0.0) / time_scale
        return Mix(self.names, starts, self.shares[first:last])

    def mean(self, bucket_s: float, rates_per_s: Floats) -> dict[str, float]:
        """The mix of all requests, where they come at these rates; a curve without any weighs all its time alike."""
        middles = (np.arange(rates_per_s.size) + 0.5) * bucket_s
        rows = self.shares[np.searchsorted(self.starts_s, middles, side="right") - 1]
        weights = rates_per_s if rates_per_s.sum() > 0 else np.ones(rates_per_s.size)
        return dict(zip(self.names, (weights @ rows / weights.sum()).tolist(), strict=True))


def observed_mix(history: History) -> Mix | None:
    """The mix over the whole of `history`, on its own clock; None where its requests name no journeys."""
    requests = history.requests
    if requests is None or requests.journeys is None:
        return None
    inside = requests.offsets_s < history.duration_s
    return _measured(history.journeys, requests.journeys[inside], requests.offsets_s[inside], history.duration_s)


def daily_mix(history: History, grid: DayGrid) -> Mix | None:
    """The mix over a day of `grid`, from the last `RECENT_DAYS` of `history`; None where no journeys are named."""
    requests = history.requests
    if requests is None or requests.journeys is None:
        return None
    wall_s = requests.offsets_s
    end_s = history.duration_s
    if history.start_ns is not None and grid.end_wall_ns is not None:
        stamps = pd.to_datetime(history.start_ns + np.rint(wall_s * 1e9).astype(np.int64), unit="ns", utc=True)
        local = pd.DatetimeIndex(stamps).tz_convert(history.timezone).tz_localize(None).as_unit("ns").asi8
        wall_s, end_s = (local - grid.end_wall_ns) / 1e9, 0.0
    inside = (wall_s < end_s) & (wall_s >= end_s - min(grid.days, RECENT_DAYS) * DAY_S)
    return _measured(history.journeys, requests.journeys[inside], (wall_s[inside] - end_s) % DAY_S, float(DAY_S))


def _measured(
    names: tuple[str, ...], journeys: npt.NDArray[np.uint8], moments_s: Floats, duration_s: float
) -> Mix | None:
    if journeys.size == 0:
        return None
    least = max(duration_s / MOST_STRETCHES, LEAST_REQUESTS * duration_s / journeys.size)
    width_s = next((w for w in WIDTHS_S if w >= least), duration_s)
    stretches = max(1, math.ceil(duration_s / width_s - 1e-9))
    at = np.minimum((moments_s // width_s).astype(np.int64), stretches - 1)
    counts = np.bincount(at * len(names) + journeys, minlength=stretches * len(names)).astype(np.float64)
    shares = _shrunk(counts.reshape(stretches, len(names)))
    return Mix(names, np.arange(shares.shape[0], dtype=np.float64) * width_s, shares)


def _shrunk(counts: Floats) -> Floats:
    """Shares by stretch from counts of shape (b, k); one row where the stretches differ by no more than chance."""
    overall: Floats = counts.sum(axis=0) / counts.sum()
    seen: Floats = counts.sum(axis=1)
    expected = np.outer(seen[seen > 0], overall[overall > 0])
    freedom = (expected.shape[0] - 1) * (expected.shape[1] - 1)
    if freedom <= 0:
        return overall[None, :]
    found = counts[seen > 0][:, overall > 0]
    excess = float(((found - expected) ** 2 / expected).sum()) / freedom - 1
    if excess <= _CHANCE_SIGMAS * math.sqrt(2 / freedom):
        return overall[None, :]
    likeness = min(excess / max(float(seen[seen > 0].mean()) - 1, 1e-9), 1.0)
    weight = (1 - likeness) / likeness
    shares: Floats = (counts + weight * overall) / (seen + weight + 1e-12)[:, None]
    unseen = seen + weight < 1e-6
    shares[unseen] = overall
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def mix_words(mix: Mix | None, overall: Mapping[str, float]) -> str:
    """`chat 71 % (52 to 88 %), embed 29 % (12 to 48 %)`: all requests, and the range over time."""
    parts = []
    for name, share in overall.items():
        text = f"{name} {100 * share:.3g} %"
        if mix is not None:
            column = mix.shares[:, mix.names.index(name)]
            text += f" ({100 * column.min():.3g} to {100 * column.max():.3g} %)"
        parts.append(text)
    return ", ".join(parts)
