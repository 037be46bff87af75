"""A shape: the rate over time as a piecewise linear curve, cut into named phases, with its burstiness and its mixes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Burst:
    """Gamma-modulated Cox process: the rate is multiplied by a mean-1 gamma level of variance `variance` that is
    redrawn every `tau_s`. (0, any) is Poisson."""

    variance: float
    tau_s: float


@dataclass(frozen=True)
class Phase:
    """A named stretch of the shape; `constant_rate` where the planned rate does not move in it."""

    name: str
    start_s: float
    end_s: float
    constant_rate: bool


@dataclass(frozen=True)
class Shape:
    """Rate knots: `knots_s` ascends (two equal knots are a step), `rates_per_s` the rates there; both shape (k,)."""

    knots_s: npt.NDArray[np.float64]
    rates_per_s: npt.NDArray[np.float64]
    phases: tuple[Phase, ...]
    process: str = "poisson"
    """`poisson`, `cox`, `deterministic` or `replay`."""
    burst: Burst | None = None
    replay_s: npt.NDArray[np.float64] | None = None
    """Recorded arrival offsets, for `replay`."""
    mix: Mapping[str, float] = field(default_factory=dict)
    tokens: npt.NDArray[np.uint32] | None = None
    """Observed (prompt, output) token pairs to draw from, shape (m, 2); with `replay`, one pair a recorded arrival."""

    @property
    def duration_s(self) -> float:
        return float(self.knots_s[-1])

    @property
    def expected_count(self) -> float:
        """The area under the rate curve."""
        return float(np.trapezoid(self.rates_per_s, self.knots_s))
