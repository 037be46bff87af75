"""Forecasters of one day, `lead` days ahead, from a grid of the days before it. Plain, fast, hard to beat.

Every model takes the (days, slots) rates without gaps and the lead >= 1, and gives the (slots,) rates of that day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.forecast.history import Floats

WEEKLY_NAIVE = "weekly naive"
DAILY_NAIVE = "daily naive"


@dataclass(frozen=True)
class Model:
    name: str
    least_days: int
    predict: Callable[[Floats, int], Floats]


def weekly_naive(days: Floats, lead: int) -> Floats:
    """The same weekday of the last week."""
    same: Floats = days[days.shape[0] - 7 + (lead - 1) % 7]
    return same


def daily_naive(days: Floats, lead: int) -> Floats:  # noqa: ARG001 -- a model's signature
    """The last day."""
    last: Floats = days[-1]
    return last


@dataclass(frozen=True)
class SlotProfile:
    """A day's level times a profile of its slots.

    The profile is the median over weeks of the days scaled to their mean: of this weekday, shrunk towards that of all
    days as if `shrink` days of all days had been seen. The level follows the days without their weekday's factor by
    exponential smoothing (`follow`), then grows by a damped share of its last weeks' growth.
    """

    shrink: float
    follow: float
    smooth_slots: int
    half_life_days: float = 21.0
    weeks: int = 8
    damping: float = 0.9

    def __call__(self, days: Floats, lead: int) -> Floats:
        days = days[-7 * self.weeks :]
        count = days.shape[0]
        means = np.maximum(days.mean(axis=1), 1e-12)
        # How many days before the forecast day each one is, modulo a week: 0 is its own weekday.
        weekday = (count - 1 + lead - np.arange(count)) % 7
        factors = self._weekday_factors(means, weekday)
        level = self._level(means / factors[weekday], lead)
        scaled = days / means[:, None]
        overall = np.median(scaled[-28:], axis=0)
        same = scaled[weekday == 0]
        profile = overall
        if same.size:
            profile = (same.shape[0] * np.median(same, axis=0) + self.shrink * overall) / (same.shape[0] + self.shrink)
        predicted: Floats = level * factors[0] * _smoothed(profile, self.smooth_slots)
        return predicted

    def _weekday_factors(self, means: Floats, weekday: npt.NDArray[np.int64]) -> Floats:
        """Each weekday's mean over that of the week around it; shape (7,). 1 where the weekday was never seen."""
        weight = 0.5 ** (np.arange(means.size, 0, -1) / self.half_life_days)
        # The week up to each day; the first days, which have none before them, take the first week.
        running = np.array([means[max(0, i - 6) : max(i + 1, 7)].mean() for i in range(means.size)])
        ratio = means / running
        prior = 0.1  # days at factor 1: a weekday that was hardly seen is taken as an ordinary day
        sums = np.bincount(weekday, ratio * weight, minlength=7)
        return (sums + prior) / (np.bincount(weekday, weight, minlength=7) + prior)

    def _level(self, levels: Floats, lead: int) -> float:
        recent = levels[-14:]
        level = float(recent[0])
        for value in recent[1:]:
            level += self.follow * (float(value) - level)
        if levels.size < 28:
            return level  # two fortnights are the least that can tell growth from a good week
        growth = float(np.log(np.median(levels[-14:]) / np.median(levels[-28:-14]))) / 14
        growth = float(np.clip(growth, -0.02, 0.02))
        return level * float(np.exp(growth * sum(self.damping**i for i in range(1, lead + 1))))


def _smoothed(profile: Floats, slots: int) -> Floats:
    slots = min(slots, (profile.size - 1) // 2)
    if not slots:
        return profile
    width = 2 * slots + 1
    around = np.concatenate([profile[-slots:], profile, profile[:slots]])
    return np.convolve(around, np.full(width, 1 / width), "valid")


MODELS = (
    Model(WEEKLY_NAIVE, 7, weekly_naive),
    Model(DAILY_NAIVE, 1, daily_naive),
    Model("slot profile", 2, SlotProfile(shrink=1, follow=0.8, smooth_slots=0)),
    Model("smooth slot profile", 2, SlotProfile(shrink=4, follow=0.5, smooth_slots=2)),
)
