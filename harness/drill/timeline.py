"""The drill on the run's clock: baseline, inject, detect, hold, revert, recover, after. Pure, known before the load.

0 ... warm ... baseline ... inject ... detect ... hold ... revert ... (last hint) ... recover ... after ... end
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.drill.adapters.activity import OutsideFault
from harness.drill.model import Drill, FaultSpec

WARM, BASELINE, FAULT, RECOVERY = "warm", "baseline", "fault", "recovery"
"""The load's phases; all but the warm-up have one constant rate."""


@dataclass(frozen=True)
class FaultSpan:
    """One fault, planned: when it is asked for and when it is taken back."""

    fault: FaultSpec
    start_s: float
    end_s: float


@dataclass(frozen=True)
class OutsideSpan:
    """The same for a fault on what is not ours."""

    fault: OutsideFault
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Timeline:
    """Moments in seconds of the run's clock."""

    rate_per_s: float
    baseline_s: float
    inject_s: float
    detect_until_s: float
    """Until then degraded mode may begin."""
    revert_s: float
    """The last fault ends."""
    recover_until_s: float
    """Until then the steady state must be back, where the hint leaves that much room."""
    end_s: float
    spans: tuple[FaultSpan, ...]
    outside: tuple[OutsideSpan, ...] = ()

    def segments(self) -> list[dict[str, Any]]:
        """The load as a plan's `arrivals.segments` would write it."""
        rate = f"{self.rate_per_s:.6f}/s"
        lengths = {
            BASELINE: self.inject_s - self.baseline_s,
            FAULT: self.revert_s - self.inject_s,
            RECOVERY: self.end_s - self.revert_s,
        }
        warm = {"phase": WARM, "ramp": [f"{self.rate_per_s / 4:.6f}/s", rate], "for": _seconds(self.baseline_s)}
        return [warm, *({"phase": name, "hold": rate, "for": _seconds(s)} for name, s in lengths.items())]

    def phases(self) -> Iterator[tuple[str, float, float]]:
        """(name, start, end) of each stretch, for people."""
        moments = (0.0, self.baseline_s, self.inject_s, self.detect_until_s, self.revert_s, self.recover_until_s)
        names = ("warm", "baseline", "detect", "hold", "recover", "after")
        ends = (*moments[1:], self.end_s)
        for name, start_s, end_s in zip(names, moments, ends, strict=True):
            if end_s > start_s:
                yield name, start_s, end_s


def timeline_of(drill: Drill, rate_per_s: float) -> Timeline:
    """The timeline of `drill` at a load of `rate_per_s` (the drill's own rate wins)."""
    load = drill.load
    baseline_s = load.warm_s
    inject_s = baseline_s + drill.steady_state.for_s
    spans = tuple(FaultSpan(f, inject_s + f.after_s, inject_s + f.after_s + drill.fault_s(f)) for f in drill.faults)
    outside = tuple(
        OutsideSpan(f, inject_s + f.after_s, inject_s + f.after_s + drill.fault_s(f)) for f in drill.outside
    )
    revert_s = max([*(span.end_s for span in spans), *(span.end_s for span in outside)])
    degraded, recovered = drill.expect.degraded, drill.expect.recovered
    recover_until_s = revert_s + load.hint_s + (recovered.within_s if recovered else 0.0)
    return Timeline(
        rate_per_s=load.rate_per_s or rate_per_s,
        baseline_s=baseline_s,
        inject_s=inject_s,
        detect_until_s=min(revert_s, inject_s + degraded.within_s) if degraded else inject_s,
        revert_s=revert_s,
        recover_until_s=recover_until_s,
        end_s=recover_until_s + load.tail_s,
        spans=spans,
        outside=outside,
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}s"
