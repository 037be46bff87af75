"""What is judged: the rows of the judged phases, the stretches of the clock they cover, and the evidence up to a
moment."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from harness.analysis.account import Account, settle_account
from harness.analysis.evidence import Evidence, Planned
from harness.analysis.rules import Rules
from harness.analysis.special import chi_square_tail
from harness.analysis.view import Bools, Floats, View
from harness.results import Rows, TelemetryArray

REPLAY = "replay"
MINUTE_S = 60.0
"""What a forecast peak is a mean over."""
ALL = "all"
"""The one phase of rows that name none."""


@dataclass(frozen=True)
class Segment:
    """One judged stretch of the run's clock."""

    phase: str
    start_s: float
    end_s: float
    constant_rate: bool

    @property
    def duration_s(self) -> float:
        return max(0.0, self.end_s - self.start_s)

    def holds(self, moments_s: Floats) -> Bools:
        return (moments_s >= self.start_s) & (moments_s < self.end_s)


@dataclass(frozen=True)
class Scene:
    """Rows and evidence, seen up to `until_s` on the run's clock."""

    rows: Rows
    evidence: Evidence
    rules: Rules
    arrivals: View
    """Every arrival due before `until_s`."""
    judged: View
    """Those of the judged phases, warm-up included."""
    segments: tuple[Segment, ...]
    until_s: float = math.inf

    @property
    def is_part(self) -> bool:
        """Seen up to a moment before the run's own end: what comes later is not missing."""
        return self.until_s < _end_of(self.evidence)

    @property
    def duration_s(self) -> float:
        return sum(s.duration_s for s in self.segments)

    @property
    def rate(self) -> float:
        """Arrivals/s offered in the judged stretches; NaN with no time in them."""
        planned = self.planned_judged()
        count = len(self.judged) if planned is None else int(planned.sum())
        return count / self.duration_s if self.duration_s > 0 else float("nan")

    @cached_property
    def busiest_minute(self) -> float | None:
        """Mean planned rate of the busiest minute inside one judged stretch (of the whole stretch where that is
        shorter), arrivals/s; None without a planned curve."""
        plan = self.evidence.planned
        if plan is None or plan.rate_knots_s is None or plan.rate_per_s is None:
            return None
        return max((_busiest(plan.rate_knots_s, plan.rate_per_s, s) for s in self.segments), default=None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s.phase for s in self.segments))

    @property
    def planned(self) -> Planned | None:
        """The plan, up to `until_s`."""
        plan = self.evidence.planned
        if plan is None or math.isinf(self.until_s):
            return plan
        kept = plan.due_ns * 1e-9 < self.until_s  # the very product that the rows' due times are cut by
        return replace(
            plan,
            due_ns=plan.due_ns[kept],
            phase=plan.phase[kept],
            journey=plan.journey[kept],
            seq=plan.seq[kept],
            tokens_out=None if plan.tokens_out is None else plan.tokens_out[kept],
        )

    def planned_judged(self) -> Bools | None:
        """Which planned arrivals belong to the judged phases; None without a plan."""
        plan = self.planned
        if plan is None:
            return None
        return _of_phases(plan.phase, self.rows.catalog.phases, self.names)

    @cached_property
    def books(self) -> Account | None:
        """Rows against planned arrivals; None without a plan."""
        plan = self.planned
        return None if plan is None else settle_account(self.arrivals, plan)

    def telemetry(self) -> TelemetryArray | None:
        """Records up to `until_s`, in order of worker and time."""
        records = self.evidence.telemetry
        if records is None:
            return None
        records = records[records["t_s"] <= self.until_s]
        ordered: TelemetryArray = records[np.lexsort((records["t_s"], records["worker"]))]
        return ordered


def _busiest(knots_s: Floats, rates_per_s: Floats, segment: Segment) -> float:
    """The largest mean of the piecewise linear rate over a window of a minute that slides by a second."""
    window_s = min(MINUTE_S, segment.duration_s)
    starts_s = np.append(np.arange(segment.start_s, segment.end_s - window_s, 1.0), segment.end_s - window_s)
    area = _area(knots_s, rates_per_s, starts_s + window_s) - _area(knots_s, rates_per_s, starts_s)
    return float(area.max()) / window_s


def _area(knots_s: Floats, rates_per_s: Floats, moments_s: Floats) -> Floats:
    """Area under the rate curve from its first knot to each moment; a step is two knots at one moment."""
    widths = np.diff(knots_s)
    whole = np.append(0.0, np.cumsum(widths * (rates_per_s[1:] + rates_per_s[:-1]) / 2))
    at = np.clip(np.searchsorted(knots_s, moments_s, side="right") - 1, 0, len(widths) - 1)
    into_s = np.clip(moments_s - knots_s[at], 0.0, widths[at])
    slope = np.divide(np.diff(rates_per_s), widths, out=np.zeros_like(widths), where=widths > 0)
    area: Floats = whole[at] + into_s * (rates_per_s[at] + slope[at] * into_s / 2)
    return area


def _of_phases(phase: np.ndarray, names: tuple[str, ...], judged: tuple[str, ...]) -> Bools:
    wanted = np.zeros(256, dtype=bool)
    wanted[[i for i, name in enumerate(names) if name in judged]] = True
    chosen: Bools = wanted[phase]
    return chosen


def set_scene(rows: Rows, rules: Rules, evidence: Evidence, until_s: float = math.inf) -> Scene:
    """Chooses what is judged. Windows of the plan rule; rows without a plan bring their own phases, one named `all` or
    `replay` being judged by default."""
    until_s = min(until_s, _end_of(evidence))
    arrivals = View.of(rows)
    if not math.isinf(until_s):
        arrivals = arrivals.where(arrivals.due_s < until_s)
    names = _judged_names(rows.catalog.phases, rules, evidence)
    judged = arrivals.where(_of_phases(arrivals.phase, rows.catalog.phases, names))
    if evidence.phases is not None:
        segments = tuple(
            Segment(w.phase, w.start_s, min(w.end_s, until_s), w.constant_rate)
            for w in evidence.phases
            if w.phase in names and w.start_s < until_s
        )
    else:
        segments = tuple(_segment_of(judged, name) for name in names)
    return Scene(rows, evidence, rules, arrivals, judged, tuple(s for s in segments if s.duration_s > 0), until_s)


def _end_of(evidence: Evidence) -> float:
    return math.inf if evidence.judged_until_s is None else evidence.judged_until_s


def _judged_names(known: tuple[str, ...], rules: Rules, evidence: Evidence) -> tuple[str, ...]:
    if evidence.phases is not None and any(w.judged for w in evidence.phases):
        return tuple(dict.fromkeys(w.phase for w in evidence.phases if w.judged))
    asked = tuple(name for name in rules.judge_phases if name in known)
    return asked or tuple(name for name in known if name in {ALL, REPLAY})


def _segment_of(judged: View, name: str) -> Segment:
    chosen = _of_phases(judged.phase, judged.catalog.phases, (name,))
    due = judged.due_s[chosen]
    if len(due) < 2:
        return Segment(name, 0.0, 0.0, constant_rate=False)
    start, last = float(due[0]), float(due[-1])
    # The last arrival closes its own gap: n arrivals span n mean gaps, not n - 1.
    end = last + max((last - start) / (len(due) - 1), 1e-9)
    return Segment(name, start, end, constant_rate=_is_constant(due, start, end))


def _is_constant(due: Floats, start: float, end: float) -> bool:
    """Whether the counts of 20 equal stretches are those of one Poisson rate (chi-square, p >= .001)."""
    counts = np.histogram(due, bins=20, range=(start, end))[0]
    expected = counts.mean()
    if expected < 5:
        return False
    return chi_square_tail(float(((counts - expected) ** 2 / expected).sum()), 19) >= 0.001
