"""Rolling origins: what each model would have said, day after day, and how far off it would have been."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.forecast.conformal import recent, upper_factor
from harness.forecast.daygrid import filled
from harness.forecast.history import Floats
from harness.forecast.models import DAILY_NAIVE, MODELS, WEEKLY_NAIVE, Model

BETTER_BY = 0.05
"""A model replaces the naive one only where its error is at least this much smaller: less is luck."""
MOST_ORIGINS = 180


@dataclass(frozen=True)
class Track:
    """One model's forecasts of the target days; NaN where it had too few days. All shape (targets,)."""

    name: str
    error: Floats
    """Sum of absolute errors over the day (requests/s times slots)."""
    predicted_peak: Floats


@dataclass(frozen=True)
class Backtest:
    """Target days in order of time. Only full forecasts `lead` days ahead, from what was known then."""

    lead: int
    days: tuple[int, ...]
    """Row of the grid of each target."""
    actual_sum: Floats
    actual_peak: Floats
    tracks: tuple[Track, ...]
    naive: str
    """The baseline: weekly naive, or daily naive where there is no week."""

    def track(self, name: str) -> Track:
        return next(track for track in self.tracks if track.name == name)

    def wape(self, name: str, upto: int | None = None) -> float:
        """Sum of absolute errors over sum of actuals, on the targets that every model forecast; NaN without any."""
        common = self._common()[: upto if upto is not None else len(self.days)]
        total = float(self.actual_sum[: common.size][common].sum())
        return float(self.track(name).error[: common.size][common].sum()) / total if total > 0 else math.nan

    def over_naive(self, name: str) -> float:
        """The model's error over the baseline's; NaN where the baseline made none."""
        naive = self.wape(self.naive)
        return self.wape(name) / naive if naive > 0 else math.nan

    def choose(self, upto: int | None = None) -> str:
        """The model with the smallest error on the first `upto` targets, if it beats the naive one by `BETTER_BY`."""
        naive = self.wape(self.naive, upto) if self.tracks else math.nan
        if math.isnan(naive):
            return self.naive
        best = min(self.tracks, key=lambda track: self.wape(track.name, upto))
        return best.name if self.wape(best.name, upto) <= (1 - BETTER_BY) * naive else self.naive

    def scores(self, name: str) -> Floats:
        """Actual over predicted peak of each target that model `name` forecast, in order of time."""
        predicted = self.track(name).predicted_peak
        known = np.isfinite(predicted) & (predicted > 0)
        return self.actual_peak[known] / predicted[known]

    def coverage(self, quantile: float) -> tuple[npt.NDArray[np.bool_], Floats]:
        """(held, over-provisioning), day by day: did the peak calibrated on the days before hold, and how many times
        the actual peak it was. Model and factor are those that the days before would have chosen."""
        held, spare = [], []
        for column, actual in enumerate(self.actual_peak):
            predicted = self.track(self.choose(column)).predicted_peak
            past = self.actual_peak[:column] / predicted[:column]
            factor = upper_factor(recent(past[np.isfinite(past)], quantile), quantile)
            if math.isfinite(factor) and np.isfinite(predicted[column]):
                held.append(bool(actual <= factor * predicted[column]))
                spare.append(factor * predicted[column] / actual if actual > 0 else math.inf)
        return np.array(held, dtype=np.bool_), np.array(spare)

    def _common(self) -> npt.NDArray[np.bool_]:
        common: npt.NDArray[np.bool_] = np.isfinite(np.array([track.error for track in self.tracks])).all(axis=0)
        return common


def run_backtest(rates: Floats, lead: int, models: tuple[Model, ...] = MODELS) -> Backtest:
    """Every model on every day of the (days, slots) grid that it can forecast `lead` days ahead.

    Days of which less than half is known are no target.
    """
    days = rates.shape[0]
    usable = tuple(model for model in models if model.least_days + lead <= days)
    least = min((model.least_days for model in usable), default=days)
    known = np.mean(~np.isnan(rates), axis=1)
    first = max(least + lead - 1, days - MOST_ORIGINS)
    targets = tuple(day for day in range(first, days) if known[day] >= 0.5)
    error = np.full((len(usable), len(targets)), np.nan)
    peak = np.full((len(usable), len(targets)), np.nan)
    for column, day in enumerate(targets):
        past = filled(rates[: day - lead + 1])
        there = ~np.isnan(rates[day])
        for row, model in enumerate(usable):
            if past.shape[0] >= model.least_days:
                predicted = model.predict(past, lead)
                error[row, column] = np.abs(predicted - rates[day])[there].sum()
                peak[row, column] = predicted.max()
    names = [model.name for model in usable]
    return Backtest(
        lead,
        targets,
        np.array([np.nansum(rates[day]) for day in targets]),
        np.array([np.nanmax(rates[day]) for day in targets]),
        tuple(Track(model.name, error[i], peak[i]) for i, model in enumerate(usable)),
        WEEKLY_NAIVE if WEEKLY_NAIVE in names else DAILY_NAIVE,
    )
