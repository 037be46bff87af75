"""How bursty traffic is below the minute: the index of dispersion measures it, a gamma-modulated Cox process models it.

The index of dispersion for counts, IDC(w) = variance / mean of the counts in windows of w seconds (Cox and Lewis 1966),
is 1 for Poisson at every w. Under levels that are held for two kinds of exponential stretches (`processes.py`)
IDC(w) = 1 + rate * sum_i share_i * v_i * G(w, tau_i) / w with G(w, tau) = 2 tau^2 (w / tau - 1 + exp(-w / tau)),
so the ratio of the excess at 60 s to that at 1 s gives tau, and the excess at 1 s then gives v.
"""

from __future__ import annotations

import math

import numpy as np

from harness.forecast.history import Floats
from harness.forecast.processes import FLICKER, FLICKER_TIME, FLICKER_VARIANCE, draw_levels
from harness.forecast.shape import Burst
from harness.forecast.streams import stream

PRESETS = {
    "poisson": Burst(0.0, 1.0),
    "chat": Burst(0.04, 600.0),  # people typing: almost Poisson within a minute
    "code": Burst(4.4, 10.0),  # completions fired by editors: seconds at many times their minute's mean
}
"""Orders of size as measured on two hours of production LLM traffic (Azure 2023, chat and code)."""

SEGMENT_S = 3600.0
"""Dispersion is measured within stretches this long: the day's own rise and fall is no burst."""


def dispersion_index(offsets_s: Floats, duration_s: float, window_s: float) -> float:
    """IDC of recorded arrivals (ascending seconds from 0) in whole windows of `window_s`; NaN below ten windows."""
    windows = int(duration_s / window_s + 1e-9)
    if windows < 10:
        return math.nan
    inside = offsets_s[offsets_s < windows * window_s]
    counts = np.bincount((inside / window_s).astype(np.int64), minlength=windows)[:windows].astype(np.float64)
    per_segment = max(10, int(SEGMENT_S / window_s))
    parts = [counts[i : i + per_segment] for i in range(0, windows, per_segment)]
    parts = [part for part in parts if part.size >= min(per_segment, windows) / 2]
    mean = sum(float(part.sum()) for part in parts)
    spread = sum(float(part.var(ddof=1)) * part.size for part in parts)
    return spread / mean if mean > 0 else math.nan


def model_index(burst: Burst, rate_per_s: float, window_s: float) -> float:
    """IDC of the Cox process at a constant rate."""
    return 1 + rate_per_s * burst.variance * _reach(burst.tau_s, window_s)


def _reach(tau_s: float, window_s: float) -> float:
    total = 0.0
    for share, tau in ((FLICKER_TIME * FLICKER_VARIANCE, FLICKER * tau_s), (1 - FLICKER_TIME, tau_s)):
        x = window_s / tau
        # x - 1 + exp(-x) without cancellation for windows much shorter than tau
        total += share * 2 * tau * tau * (x + math.expm1(-x)) / window_s
    return total


def fit_burst(offsets_s: Floats, duration_s: float) -> Burst:
    """The (variance, tau) whose IDC at 1 s and 60 s are those of the recorded arrivals.

    Poisson where neither is above 1. Needs ten minutes of recording; raises ValueError below.
    """
    short, long = (dispersion_index(offsets_s, duration_s, window) for window in (1.0, 60.0))
    if math.isnan(short) or math.isnan(long):
        raise ValueError(f"{duration_s:.0f} s of arrivals tell nothing about their bursts: at least 600 s are needed")
    rate = offsets_s.size / duration_s
    excess_short, excess_long = max(short - 1, 0.0), max(long - 1, 0.0)
    if excess_short == 0 and excess_long == 0:
        return PRESETS["poisson"]
    wanted = excess_long / excess_short if excess_short > 0 else math.inf
    low, high = math.log(0.05), math.log(600.0)
    for _ in range(60):
        middle = (low + high) / 2
        tau = math.exp(middle)
        if _reach(tau, 60.0) / _reach(tau, 1.0) < wanted:
            low = middle
        else:
            high = middle
    tau = math.exp((low + high) / 2)
    if excess_short > 0:
        return Burst(float(excess_short / (rate * _reach(tau, 1.0))), tau)
    return Burst(float(excess_long / (rate * _reach(tau, 60.0))), tau)


def peak_ratios(offsets_s: Floats, duration_s: float) -> Floats:
    """For each whole minute with arrivals: its busiest second over its mean second. The measure of a burst."""
    minutes = int(duration_s // 60)
    inside = offsets_s[offsets_s < minutes * 60]
    counts = np.bincount(inside.astype(np.int64), minlength=minutes * 60)[: minutes * 60].reshape(minutes, 60)
    busy = counts.sum(axis=1) > 0
    ratios: Floats = counts[busy].max(axis=1) / counts[busy].mean(axis=1)
    return ratios


def worst_second_per_s(rate_per_s: float, burst: Burst | None, seed: int = 0, minutes: int = 200) -> float:
    """The busiest second of a minute whose mean is `rate_per_s`: the median over `minutes` drawn ones."""
    if rate_per_s <= 0:
        return 0.0
    rng = stream(seed, "worst second")
    seconds = np.arange(60 * minutes + 1, dtype=np.float64)
    done = seconds
    if burst is not None and burst.variance > 0:
        edges, levels = draw_levels(burst, float(seconds[-1]), rng)
        ends = np.concatenate([[0.0], edges, seconds[-1:]])
        done = np.interp(seconds, ends, np.concatenate([[0.0], np.cumsum(np.diff(ends) * levels)]))
    # Counts a second, not arrivals: the cost does not grow with the rate.
    counts = rng.poisson(np.minimum(rate_per_s * np.maximum(np.diff(done), 0.0), 1e18)).reshape(minutes, 60)
    busy = counts.sum(axis=1) > 0
    if not busy.any():
        return 0.0
    return rate_per_s * float(np.median(counts[busy].max(axis=1) / counts[busy].mean(axis=1)))
