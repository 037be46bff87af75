"""The peak: what `forecast` hands to a test plan, and what `peak.json` holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from harness.forecast.conformal import Level, level_at
from harness.forecast.history import Floats
from harness.forecast.mix import Mix
from harness.forecast.shape import Burst

PREDICTABLE, NOISY, UNPREDICTABLE = "PREDICTABLE", "NOISY", "UNPREDICTABLE"
OBSERVED, LAUNCH = "OBSERVED", "LAUNCH"
LABELS = (PREDICTABLE, NOISY, UNPREDICTABLE, OBSERVED, LAUNCH)

OBSERVED_SAYS = "observed shape, not a forecast"
"""What a history too short to certify anything is called, everywhere."""


@dataclass(frozen=True)
class Recorded:
    """Single requests for replay."""

    offsets_s: Floats
    """From the start of the curve, ascending; shape (n,)."""
    tokens: npt.NDArray[np.uint32] | None = None
    """(prompt, output) tokens of each; shape (n, 2)."""
    journeys: npt.NDArray[np.uint8] | None = None
    """Index of each in the peak's `mix`; shape (n,)."""

    def take(self, index: npt.NDArray[np.intp], offsets_s: Floats) -> Recorded:
        """The requests at `index`, at these offsets."""
        tokens = None if self.tokens is None else self.tokens[index]
        return Recorded(offsets_s, tokens, None if self.journeys is None else self.journeys[index])


@dataclass(frozen=True)
class Peak:
    """A rate curve with the chance of being exceeded, its mix, its burstiness, and where all of it comes from."""

    label: str
    """One of `LABELS`."""
    sentence: str
    """The forecast in one sentence, for people."""
    bucket_s: float
    rates_per_s: Floats
    """Expected mean rate of each bucket of the peak stretch (a day, or the whole trace); shape (n,)."""
    levels: tuple[Level, ...] = ()
    """Certified levels of the highest bucket, ascending by quantile; none where the curve is only observed."""
    quantile_asked: float | None = None
    quantile: float | None = None
    """The quantile that `sentence` speaks of: the asked one, or the highest that the history certifies."""
    start: str = ""
    """ISO 8601 time of the curve's start; empty where the clock is relative."""
    timezone: str = "UTC"
    burst: Burst | None = None
    """None: nothing is known below the bucket."""
    burst_source: str = ""
    """`fitted`, `preset <name>` or empty."""
    worst_second_per_s: float | None = None
    mix: Mapping[str, float] = field(default_factory=dict)
    tokens: npt.NDArray[np.uint32] | None = None
    """Observed (prompt, output) token pairs to draw from; shape (m, 2)."""
    recorded: Recorded | None = None
    provenance: Mapping[str, str | float | int | None] = field(default_factory=dict)
    """History's name, format, rows in / used / reported, span, model, backtest errors, donor day, growth, ..."""
    notes: tuple[str, ...] = ()
    """Doubts and advice, one sentence each."""
    mix_over_time: Mix | None = None
    """The mix of each stretch of the curve, its names those of `mix` in their order; None where it does not move."""
    token_journeys: npt.NDArray[np.uint8] | None = None
    """Index in `mix` of the journey that each pair of `tokens` is of; shape (m,)."""

    def __post_init__(self) -> None:
        assert self.label in LABELS, self.label
        assert self.bucket_s > 0 and self.rates_per_s.ndim == 1 and self.rates_per_s.size > 0
        assert bool(np.all(np.isfinite(self.rates_per_s) & (self.rates_per_s >= 0))), "rates are >= 0"
        assert self.mix_over_time is None or self.mix_over_time.names == tuple(self.mix), "one mix, in one order"

    @property
    def expected_peak_per_s(self) -> float:
        """The highest bucket's expected mean."""
        return float(self.rates_per_s.max())

    @property
    def duration_s(self) -> float:
        return self.rates_per_s.size * self.bucket_s

    def level(self, quantile: float | None = None) -> Level | None:
        """The lowest certified level at or above `quantile` (the peak's own where None); the highest one where the
        history certifies less; None where the curve is only observed."""
        wanted = quantile if quantile is not None else self.quantile
        if not self.levels or wanted is None:
            return None
        return level_at(self.levels, wanted) or self.levels[-1]

    def peak_per_s(self, quantile: float | None = None) -> float:
        """The peak to survive: mean rate of the highest bucket at the level, or as observed."""
        level = self.level(quantile)
        return level.peak_per_s if level else self.expected_peak_per_s
