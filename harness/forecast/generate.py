"""A generated history: traffic as an assistant's users make it, for demos and tests. Not anybody's data."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from harness.forecast.history import Floats
from harness.forecast.streams import stream

BUCKET_S = 300
_SLOTS = 86_400 // BUCKET_S
_WEEKDAY = (1.0, 1.05, 1.03, 1.0, 0.88, 0.42, 0.38)  # Monday first: an assistant for office work


def generate_history(seed: int, days: int = 14, peak_per_s: float = 20.0, start: str = "2026-05-04T00:00:00Z") -> str:
    """`timestamp,count` CSV of `days` days in 5-minute buckets, the busiest near `peak_per_s`.

    Office hours with a lunch dip and an evening shoulder, quiet weekends, 1 % growth a week, day-to-day noise, an
    autocorrelated drift within the day, rare crowds of ten to forty minutes, and Poisson counts on top. The same
    arguments give the same text.
    """
    assert days >= 1 and peak_per_s > 0
    rng = stream(seed, "history")
    first = pd.Timestamp(start)
    shape = day_shape()
    # Noise, growth and crowds lift the highest bucket this much above the busiest day's smooth top (median over seeds).
    top = peak_per_s / 1.05
    rates = np.empty(days * _SLOTS)
    drift = 0.0
    for day in range(days):
        level = _WEEKDAY[(first.day_of_week + day) % 7] * 1.01 ** (day / 7) * math.exp(rng.normal(0, 0.03))
        for slot in range(_SLOTS):
            drift = 0.9 * drift + rng.normal(0, 0.012)
            rates[day * _SLOTS + slot] = top / max(_WEEKDAY) * level * shape[slot] * math.exp(drift)
    for _ in range(rng.poisson(days / 4)):
        begin, length = int(rng.integers(0, rates.size)), int(rng.integers(2, 9))
        rates[begin : begin + length] *= 1 + rng.gamma(2.0, 0.08)
    counts = rng.poisson(rates * BUCKET_S)
    stamps = pd.date_range(first, periods=rates.size, freq=f"{BUCKET_S}s")
    rows = [f"{stamp:%Y-%m-%dT%H:%M:%SZ},{count}" for stamp, count in zip(stamps, counts, strict=True)]
    return "\n".join(["timestamp,count", *rows]) + "\n"


def day_shape() -> Floats:
    """A working day of an assistant, by 5-minute slot from midnight, its highest 1; shape (288,)."""
    hour = np.arange(_SLOTS) * 24 / _SLOTS
    shape = 0.06 + _hump(hour, 10.5, 2.1) + 0.95 * _hump(hour, 15.0, 2.2) + 0.25 * _hump(hour, 20.5, 1.6)
    shape -= 0.18 * _hump(hour, 12.6, 0.6)
    out: Floats = shape / shape.max()
    return out


def _hump(hour: Floats, at: float, width: float) -> Floats:
    away = (hour - at + 12) % 24 - 12
    out: Floats = np.exp(-0.5 * (away / width) ** 2)
    return out
