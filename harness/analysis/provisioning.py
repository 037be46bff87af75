"""What to provision for the forecast peak, as arithmetic anyone can check: each need as low / mid / high, with its
formula.

Low, mid and high are those of the forecast peak (and of the measured time in system, for pools). Nothing here
extrapolates a model: rates beyond 1.5 x what was tested are said to be so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.analysis.evidence import Deployment, Prices
from harness.analysis.view import Floats, View

FARTHEST = 1.5
"""Times the tested rate; beyond it a need is a guess, and says so."""


@dataclass(frozen=True)
class Range:
    """A number with its neighbours."""

    low: float
    mid: float
    high: float

    def times(self, factor: float) -> Range:
        return Range(self.low * factor, self.mid * factor, self.high * factor)

    def __str__(self) -> str:
        return f"{_short(self.low)} / {_short(self.mid)} / {_short(self.high)}"


@dataclass(frozen=True)
class Need:
    """One thing to provision."""

    name: str
    amount: Range
    unit: str
    formula: str

    def line(self) -> str:
        """`replicas: 6 / 7 / 9  = ceil(R0 x peak / (proven x (1 - headroom)))`."""
        return f"{self.name}: {self.amount} {self.unit}".rstrip() + f"  = {self.formula}"


def needs(
    view: View, proven: float, peak: Range, deployment: Deployment, prices: Prices | None = None
) -> tuple[Need, ...]:
    """Everything that a passed run of `view` (judged arrivals) and the forecast `peak` (arrivals/s) call for."""
    found = [*_replicas(proven, peak, deployment), *_quotas(view, peak, deployment)]
    found += _pools(view, peak)
    found += _cost(view, peak, prices)
    return tuple(found)


def caution(proven: float, peak: Range) -> str:
    """A sentence where the peak lies beyond what was tested, else empty."""
    if peak.high <= FARTHEST * proven:
        return ""
    times = peak.high / proven
    return f"the high peak is {times:.1f} x the proven rate: beyond {FARTHEST} x these are guesses, test higher"


def replicas(replicas_tested: int, peak: float, proven: float, headroom: float) -> int:
    """Replicas for a peak, from a proven rate on `replicas_tested` of them, keeping `headroom` (a share) free."""
    return math.ceil(replicas_tested * peak / (proven * (1 - headroom)) - 1e-9)


def _replicas(proven: float, peak: Range, deployment: Deployment) -> list[Need]:
    if deployment.replicas is None:
        return []
    low, mid, high = (
        replicas(deployment.replicas, rate, proven, deployment.headroom) for rate in (peak.low, peak.mid, peak.high)
    )
    zones = deployment.zones
    found = [
        Need("replicas", Range(low, mid, high), "", "ceil(R0 x peak / (proven x (1 - headroom)))"),
        Need("replicas, one lost", Range(low + 1, mid + 1, high + 1), "", "R + 1"),
    ]
    if zones > 1:
        kept = Range(*(math.ceil(r * zones / (zones - 1) - 1e-9) for r in (low, mid, high)))
        found.append(Need(f"replicas, one of {zones} zones lost", kept, "", "ceil(R x Z / (Z - 1))"))
    return found


def _quotas(view: View, peak: Range, deployment: Deployment) -> list[Need]:
    window = deployment.quota_window_s
    burst = burst_factor(view.due_s, window)
    tokens = float((view.raw("tokens_in").astype(float) + view.raw("tokens_out").astype(float)).mean())
    says = f"x busiest {window:g} s over mean ({burst:.2f})"
    found = [Need("RPM quota", peak.times(60 * burst), "requests/min", f"peak x 60 {says}")]
    if tokens > 0:
        formula = f"peak x {tokens:.0f} tokens x 60 {says}"
        found.append(Need("TPM quota", peak.times(60 * burst * tokens), "tokens/min", formula))
    return found


def burst_factor(due_s: Floats, window_s: float) -> float:
    """Arrivals in the busiest window over the mean: what a quota that is judged by that window must hold. >= 1."""
    if len(due_s) < 2 or due_s[-1] - due_s[0] <= window_s:
        return 1.0
    inside = np.searchsorted(due_s, due_s + window_s) - np.arange(len(due_s))
    return max(1.0, float(inside.max()) / window_s / (len(due_s) / float(due_s[-1] - due_s[0])))


def _pools(view: View, peak: Range) -> list[Need]:
    spent = view.e2e_s[view.success]
    if len(spent) == 0:
        return []
    times = Range(float(np.quantile(spent, 0.5)), float(spent.mean()), float(np.quantile(spent, 0.95)))
    flight = Range(peak.low * times.low, peak.mid * times.mid, peak.high * times.high)
    rounded = Range(*(math.ceil(x) for x in (flight.low, flight.mid, flight.high)))
    found = [Need("in flight (pools, semaphores)", rounded, "", "peak x time in system (p50 / mean / p95)")]
    prompt, output = float(view.raw("tokens_in").mean()), float(view.raw("tokens_out").mean())
    if prompt + output > 0:
        half, whole = prompt + output / 2, prompt + output
        held = Range(flight.low * half, flight.mid * half, flight.high * whole)
        found.append(Need("KV cache", held, "tokens", "in flight x (prompt + half the output; high: all of it)"))
    return found


def _cost(view: View, peak: Range, prices: Prices | None) -> list[Need]:
    if prices is None:
        return []
    prompt, output = float(view.raw("tokens_in").mean()), float(view.raw("tokens_out").mean())
    each = (prompt * prices.per_million_in + output * prices.per_million_out) / 1e6
    money = prices.currency
    formula = f"{prompt:.0f} tokens in, {output:.0f} out"
    return [
        Need("cost of 1,000 requests", Range(each, each, each).times(1000), money, formula),
        Need("cost of a peak hour", peak.times(each * 3600), money, "peak x 3600 x cost of a request"),
    ]


def _short(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
