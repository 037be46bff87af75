"""Recorded arrivals at another rate or another speed, without cloning gaps.

`multiply` by m < 1 keeps each arrival with probability m: exact for any process. For m > 1 the recorded arrivals stay
and extra ones are drawn from the intensity behind them. That intensity is not the recorded counts themselves (three
arrivals where one was recorded would make Poisson traffic three times as bursty) but its gamma posterior: in every
second with count n, under a gamma prior around the local minute's mean whose variance is the excess dispersion of the
recording, rate ~ Gamma(shape + n, scale), extra ~ Poisson((m - 1) * rate). Recorded and extra together then have the
law of the same process at m times its rate: Poisson stays Poisson, a crowd becomes m crowds at the same moment.

`compress` by k keeps the gaps: the recording is cut into stretches of k * `BLOCK_S` and the first `BLOCK_S` of each is
played, so ramps come k times faster while every gap within a stretch is a recorded one.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.forecast.history import Floats
from harness.forecast.streams import stream

BLOCK_S = 20.0
Index = npt.NDArray[np.intp]
Played = tuple[Floats, Index]
"""Offsets, ascending, and which recorded arrival each is, or takes its tokens and its journey from."""


def multiply(offsets_s: Floats, duration_s: float, factor: float, seed: int) -> Played:
    """`factor` times as many arrivals over the same `duration_s`; an extra one is like a recorded arrival near in time.
    Seeded."""
    assert factor > 0
    rng = stream(seed, "multiply")
    if factor == 1 or offsets_s.size == 0:
        return offsets_s, np.arange(offsets_s.size)
    if factor < 1:
        kept = np.flatnonzero(rng.random(offsets_s.size) < factor)
        return offsets_s[kept], kept
    rate = _posterior_rate(offsets_s, duration_s, rng)
    extra = rng.poisson((factor - 1) * rate)
    seconds = np.repeat(np.arange(extra.size), extra)
    drawn = seconds + rng.random(seconds.size)
    drawn = drawn[drawn < duration_s]
    near = np.searchsorted(offsets_s, drawn) + rng.integers(-20, 20, drawn.size, endpoint=True)
    source = np.concatenate([np.arange(offsets_s.size), np.clip(near, 0, offsets_s.size - 1)])
    merged = np.concatenate([offsets_s, drawn])
    order = np.argsort(merged, kind="stable")
    return merged[order], source[order]


def _posterior_rate(offsets_s: Floats, duration_s: float, rng: np.random.Generator) -> Floats:
    """A draw of the rate (1/s) behind each recorded second."""
    seconds = max(1, math.ceil(duration_s))
    counts = np.bincount(offsets_s.astype(np.int64), minlength=seconds)[:seconds].astype(np.float64)
    local = _local_mean(counts)
    # Method of moments within minutes: Var(n) = mean + mean^2 * v.
    excess = float(np.sum((counts - local) ** 2 - local))
    variance = excess / float(np.sum(local**2)) if np.sum(local**2) > 0 else 0.0
    if variance <= 1e-6:
        return local
    # Prior Gamma(1 / v, v local); n Poisson arrivals in a second make it Gamma(1 / v + n, v local / (1 + v local)).
    return rng.gamma(1 / variance + counts, variance * local / (1 + variance * local))


def _local_mean(counts: Floats, window: int = 61) -> Floats:
    """The mean over the minute around each second, shorter at the ends."""
    total = np.concatenate([[0.0], np.cumsum(counts)])
    left = np.maximum(np.arange(counts.size) - window // 2, 0)
    right = np.minimum(np.arange(counts.size) + window // 2 + 1, counts.size)
    mean: Floats = (total[right] - total[left]) / (right - left)
    return mean


def compress(offsets_s: Floats, factor: float) -> Played:
    """The recording `factor` >= 1 times as fast, at its own rates and with its own gaps: 1 / factor of its arrivals."""
    assert factor >= 1
    block, inside = np.divmod(offsets_s, BLOCK_S * factor)
    kept = np.flatnonzero(inside < BLOCK_S) if factor > 1 else np.arange(offsets_s.size)
    return (block[kept] * BLOCK_S + inside[kept] if factor > 1 else offsets_s), kept
