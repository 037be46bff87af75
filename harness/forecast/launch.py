"""A launch without a history: people times habits, in three estimates each, to a peak with its quantiles.

requests/s in the busiest minute = seats x share who have adopted it by then x sessions a user and day
x requests a session x attempts a request x share of the day's requests in the busiest hour / 3600
x busiest minute over its hour's mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from harness.errors import Problem, UsageError
from harness.forecast.burst import PRESETS, worst_second_per_s
from harness.forecast.conformal import level_at
from harness.forecast.daygrid import DAY_S
from harness.forecast.generate import BUCKET_S, day_shape
from harness.forecast.growth import Spread, draws_of_levels, levels_of_draws
from harness.forecast.history import Floats
from harness.forecast.peak import LAUNCH, OBSERVED, Peak
from harness.forecast.shape import Burst
from harness.forecast.streams import stream
from harness.forecast.words import peak_sentence, rate_words


@dataclass(frozen=True)
class Bass:
    """Bass (1969): `innovation` p and `imitation` q a day; adopters tell others."""

    innovation: float
    imitation: float

    def share(self, day: float) -> float:
        growth = math.exp(-(self.innovation + self.imitation) * day)
        return (1 - growth) / (1 + self.imitation / self.innovation * growth)


@dataclass(frozen=True)
class Logistic:
    """Half have adopted it on day `midpoint_day`; a `width_days` later, 73 %."""

    midpoint_day: float
    width_days: float

    def share(self, day: float) -> float:
        return 1 / (1 + math.exp(-(day - self.midpoint_day) / self.width_days))


@dataclass(frozen=True)
class Launch:
    seats: Spread
    """People who could use it."""
    reach: Spread
    """Share of them who ever will (at most 1)."""
    adoption: Bass | Logistic | None
    """How those come in over the days; None: all at once."""
    sessions_per_day: Spread
    """Of an adopter."""
    requests_per_session: Spread
    attempts: Spread = field(default_factory=lambda: Spread(1.0, 1.0, 1.0))
    """Attempts a request, retries included: 1.05 is one retry in twenty."""
    busy_hour_share: Spread = field(default_factory=lambda: Spread(0.11, 0.13, 0.18))
    """Of a day's requests, those in its busiest hour: about 1/8 where people work in one time zone, 1/24 world-wide."""
    minute_over_hour: Spread = field(default_factory=lambda: Spread(1.1, 1.25, 1.6))
    """The busiest minute over its hour's mean."""


def launch_draws(launch: Launch, day: float, seed: int) -> Floats:
    """Peak rates (requests/s in the busiest minute) on day `day` after the launch, drawn from the estimates."""
    rng = stream(seed, "launch")
    adopted = 1.0 if launch.adoption is None else launch.adoption.share(day)
    if not 0 <= adopted <= 1:
        raise UsageError(Problem(f"adoption gives a share of {adopted:g} on day {day:g}", "it lies between 0 and 1"))
    people = launch.seats.draw(rng) * np.minimum(launch.reach.draw(rng), 1.0) * adopted
    requests = people * launch.sessions_per_day.draw(rng) * launch.requests_per_session.draw(rng)
    attempts = np.maximum(launch.attempts.draw(rng), 1.0)
    busiest_hour = requests * attempts * np.minimum(launch.busy_hour_share.draw(rng), 1.0)
    return busiest_hour / 3600 * np.maximum(launch.minute_over_hour.draw(rng), 1.0)


def launch_peak(
    launch: Launch, quantile: float = 0.95, day: float = 28.0, burst: Burst | None = None, seed: int = 0
) -> Peak:
    """The peak on day `day` after a launch, at `quantile` of what the estimates allow. The day's shape is that of
    office work; `burst` None takes the `chat` preset.

    Raises UsageError where the estimates or the quantile make no sense.
    """
    levels = levels_of_draws(launch_draws(launch, day, seed))
    level = level_at(levels, quantile)
    if level is None:
        raise UsageError(Problem(f"quantile is {quantile:g}", f"at most {levels[-1].quantile:g} of a launch plan"))
    middle = next(level.peak_per_s for level in levels if level.quantile == 0.5)
    chosen = burst or PRESETS["chat"]
    worst = worst_second_per_s(level.peak_per_s, chosen, seed)
    sentence = peak_sentence(
        level, quantile, bucket_s=60.0, day=f"day {day:g} after the launch", worst_per_s=worst, burst=chosen
    )
    return Peak(
        label=LAUNCH,
        sentence=f"{sentence}; from estimates, not from traffic",
        bucket_s=float(BUCKET_S),
        rates_per_s=day_shape() * middle,
        levels=levels,
        quantile_asked=quantile,
        quantile=quantile,
        burst=chosen,
        burst_source="given" if burst else "preset chat",
        worst_second_per_s=worst,
        provenance={"history": None, "launch_day": day, "draws_seed": seed},
        notes=("a launch plan: every number is an estimate until traffic is seen",),
    )


def on_top(base: Peak, launch: Peak, quantile: float, seed: int = 0) -> Peak:
    """A launch on top of traffic that is there. Peaks are taken to coincide, which is the safe side; the two are drawn
    independently, so levels are those of the sum.

    Raises UsageError where `base` is not a forecast of a whole day.
    """
    if base.label == OBSERVED or base.duration_s != DAY_S:
        raise UsageError(Problem("a launch can only be added to a forecast day", "forecast from two days or more"))
    rng = stream(seed, "on top")
    total = draws_of_levels(base.levels, base.expected_peak_per_s, rng)
    total = total + draws_of_levels(launch.levels, launch.expected_peak_per_s, rng)
    certified = max((level.quantile for level in base.levels), default=0.0)
    levels = levels_of_draws(total, certified)
    if not levels:
        raise UsageError(Problem("the history certifies no level to add a launch to", "record more days"))
    level = level_at(levels, quantile) or levels[-1]
    top = base.expected_peak_per_s + launch.expected_peak_per_s
    worst = worst_second_per_s(level.peak_per_s, base.burst or launch.burst, seed)
    return replace(
        base,
        sentence=f"with the launch on top the {100 * min(quantile, level.quantile):.3g} % peak is "
        f"{rate_words(level.peak_per_s)} requests/s, {worst:,.0f} in its worst second",
        rates_per_s=base.rates_per_s / base.expected_peak_per_s * top,
        levels=levels,
        quantile_asked=quantile,
        quantile=min(quantile, level.quantile),
        burst=base.burst or launch.burst,
        burst_source=base.burst_source or launch.burst_source,
        worst_second_per_s=worst,
        notes=(*base.notes, *launch.notes, "the launch's peak is taken to fall on the busiest moment there was"),
    )
