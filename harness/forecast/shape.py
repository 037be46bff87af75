"""A shape: the rate over time as a piecewise linear curve, cut into named phases, with its burstiness and its mixes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PROCESSES = ("poisson", "cox", "deterministic", "replay")


@dataclass(frozen=True)
class Burst:
    """Gamma-modulated Cox process: the rate is multiplied by mean-1 gamma levels that are redrawn at random moments.
    Most of the time a level has variance `variance` and lasts `tau_s` on average; flickers between them are much
    shorter and more varied, in fixed proportions (`processes.py`). (0, any) is Poisson."""

    variance: float
    tau_s: float


@dataclass(frozen=True)
class Phase:
    """A named stretch of the shape; `constant_rate` where the planned rate does not move in it."""

    name: str
    start_s: float
    end_s: float
    constant_rate: bool
    process: str = ""
    """The arrival process of this phase; empty takes the shape's own (a Poisson warm-up before a replay, say)."""


@dataclass(frozen=True)
class Shape:
    """Rate knots: `knots_s` ascends (two equal knots are a step), `rates_per_s` the rates there; both shape (k,)."""

    knots_s: Floats
    rates_per_s: Floats
    phases: tuple[Phase, ...]
    process: str = "poisson"
    """`poisson`, `cox`, `deterministic` or `replay`."""
    burst: Burst | None = None
    replay_s: Floats | None = None
    """Recorded arrival offsets, for `replay`."""
    mix: Mapping[str, float] = field(default_factory=dict)
    tokens: npt.NDArray[np.uint32] | None = None
    """Observed (prompt, output) token pairs to draw from, shape (m, 2); with `replay`, one pair a recorded arrival."""
    notes: tuple[str, ...] = ()
    """What this shape cannot keep or had to assume, one sentence each; a report repeats them."""
    label: str = ""
    """`PREDICTABLE`, `NOISY`, `UNPREDICTABLE`, `OBSERVED`, `LAUNCH` (from a peak) or empty (hand-written)."""
    token_times_s: Floats | None = None
    """Offsets of `tokens` on the shape's clock, ascending, shape (m,): pairs are then drawn from those near in time."""
    mix_times_s: Floats | None = None
    """Starts of the stretches of `mix_shares`, ascending from 0, shape (b,); None: `mix` holds all the time."""
    mix_shares: Floats | None = None
    """Share of each journey of `mix`, in its order, in each stretch; shape (b, journeys)."""
    replay_journeys: npt.NDArray[np.uint8] | None = None
    """Index in `mix` of the journey of each recorded arrival of `replay_s`; shape (n,)."""
    token_journeys: npt.NDArray[np.uint8] | None = None
    """Index in `mix` of the journey of each pair of `tokens`, which only arrivals of that journey draw; shape (m,)."""

    def __post_init__(self) -> None:
        assert self.knots_s.shape == self.rates_per_s.shape, "a rate at every knot"
        assert self.knots_s.size >= 2 and self.knots_s[0] == 0, "a shape starts at 0 and ends"
        assert bool(np.all(np.diff(self.knots_s) >= 0)), "knots ascend"
        assert bool(np.all(np.isfinite(self.rates_per_s))) and bool(np.all(self.rates_per_s >= 0)), "rates are >= 0"
        assert self.process in PROCESSES, self.process
        assert self.phases and self.phases[0].start_s == 0 and self.phases[-1].end_s == self.knots_s[-1], "phases tile"
        assert all(a.end_s == b.start_s for a, b in zip(self.phases, self.phases[1:], strict=False)), "phases tile"
        assert (self.mix_times_s is None) == (self.mix_shares is None), "stretches and their shares"
        if self.mix_times_s is not None and self.mix_shares is not None:
            assert self.mix_times_s[0] == 0 and bool(np.all(np.diff(self.mix_times_s) >= 0)), "stretches ascend from 0"
            assert self.mix_shares.shape == (self.mix_times_s.size, len(self.mix)), "a share of each journey"
        assert self.replay_journeys is None or self.replay_s is not None, "journeys of recorded arrivals"

    @property
    def duration_s(self) -> float:
        return float(self.knots_s[-1])

    @property
    def expected_count(self) -> float:
        """The area under the rate curve."""
        return float(np.trapezoid(self.rates_per_s, self.knots_s))

    @property
    def peak_rate_per_s(self) -> float:
        return float(self.rates_per_s.max())

    def process_of(self, phase: Phase) -> str:
        return phase.process or self.process

    def rate_at(self, t_s: npt.ArrayLike) -> Floats:
        """The planned rate at times `t_s`; at a step, the rate after it; 0 outside the shape."""
        t = np.asarray(t_s, dtype=np.float64)
        after = np.clip(np.searchsorted(self.knots_s, t, side="right"), 1, self.knots_s.size - 1)
        # The end belongs to the last stretch that has a length.
        before = after - 1
        width = self.knots_s[after] - self.knots_s[before]
        share = np.divide(t - self.knots_s[before], width, out=np.ones_like(t), where=width > 0)
        rate = self.rates_per_s[before] + share * (self.rates_per_s[after] - self.rates_per_s[before])
        inside = (t >= 0) & (t <= self.duration_s)
        return np.where(inside, rate, 0.0)

    def mix_at(self, t_s: float) -> dict[str, float]:
        """The mix of the stretch at `t_s`."""
        if self.mix_times_s is None or self.mix_shares is None:
            return dict(self.mix)
        row = max(0, int(np.searchsorted(self.mix_times_s, t_s, side="right")) - 1)
        return dict(zip(self.mix, self.mix_shares[row].tolist(), strict=True))

    def scaled(self, rate_scale: float) -> Shape:
        """The same curve with every rate multiplied; recorded arrivals cannot be scaled so (see `replay.py`)."""
        assert self.replay_s is None, "a replay is multiplied by replay.multiply, which draws the extra arrivals"
        return replace(self, rates_per_s=self.rates_per_s * rate_scale)


def cut_curve(knots_s: Floats, rates_per_s: Floats, start_s: float, end_s: float) -> tuple[Floats, Floats]:
    """The curve between two moments of it, on a clock that starts at 0: (knots, rates). Steps at the two ends fall
    outside: the first rate is the one just after `start_s`, the last the one just before `end_s`."""
    assert knots_s[0] <= start_s < end_s <= knots_s[-1], (start_s, end_s)
    first = int(np.searchsorted(knots_s, start_s, side="right"))
    last = int(np.searchsorted(knots_s, end_s, side="left"))
    times = np.concatenate([[start_s], knots_s[first:last], [end_s]])
    rates = np.concatenate(
        [
            [_between(knots_s, rates_per_s, first - 1, start_s)],
            rates_per_s[first:last],
            [_between(knots_s, rates_per_s, last - 1, end_s)],
        ]
    )
    return times - start_s, rates


def _between(knots_s: Floats, rates_per_s: Floats, left: int, t_s: float) -> float:
    left = min(max(left, 0), knots_s.size - 2)
    width = knots_s[left + 1] - knots_s[left]
    share = (t_s - knots_s[left]) / width if width > 0 else 0.0
    return float(rates_per_s[left] + share * (rates_per_s[left + 1] - rates_per_s[left]))
