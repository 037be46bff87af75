"""What is shown first, and what is grouped away: the worst checks, the largest failure modes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.analysis import Caveat, Check, FailureMode, State, Verdict
from harness.report.model import Report
from harness.report.secrets import without_secrets

_RANK = {State.MISSED: 0, State.NO_DATA: 1, State.UNDECIDED: 2, State.MET: 3}
_GATE = {"block": 0, "warn": 1, "info": 2}


def worst_first(checks: Sequence[Check]) -> list[Check]:
    """Missed before unknown before undecided before met; among equals the one that used up most of its allowance.
    Checks that do not move the verdict (`warn`, `info`) come last."""
    return sorted(checks, key=lambda c: (_GATE.get(c.gate, 0), _RANK[c.state], -_used(c)))


def caveats_of(verdict: Verdict, status: str) -> list[Caveat]:
    return [c for c in verdict.caveats if c.status == status]


@dataclass(frozen=True)
class Failures:
    """The failures of a run, cut to what a page has room for: all outcomes, the most frequent modes, a count of the
    rest. A run may know of fifty thousand distinct errors."""

    groups: tuple[FailureGroup, ...]
    modes: tuple[FailureMode, ...]
    left: int
    """So many modes more ..."""
    left_count: int
    """... with so many arrivals."""


def failures_of(verdict: Verdict, most: int) -> Failures:
    modes = sorted(verdict.failures, key=lambda mode: -mode.count)
    rest = modes[most:]
    groups = tuple(failure_groups(verdict.failures))
    return Failures(groups, tuple(modes[:most]), len(rest), sum(mode.count for mode in rest))


def shown_failures(report: Report, most: int = 0) -> tuple[Report, Failures]:
    """The report without its failure modes, and what is shown of them; both redacted. Only what is shown is looked
    through for secrets: there may be very many modes."""
    failures = failures_of(report.verdict, most)
    lean = replace(report, verdict=replace(report.verdict, failures=()))
    return without_secrets(lean), without_secrets(failures)


@dataclass(frozen=True)
class FailureGroup:
    """Failure modes of one outcome. `share` is of all failures."""

    outcome: str
    count: int
    share: float
    reasons: tuple[str, ...]
    first_s: float
    last_s: float


def failure_groups(modes: Sequence[FailureMode]) -> list[FailureGroup]:
    """One group an outcome, largest first."""
    by_outcome: dict[str, list[FailureMode]] = {}
    for mode in modes:
        by_outcome.setdefault(mode.outcome, []).append(mode)
    groups = [
        FailureGroup(
            outcome=outcome,
            count=sum(m.count for m in members),
            share=sum(m.share for m in members),
            reasons=_telling_reasons(members),
            first_s=min(m.first_s for m in members),
            last_s=max(m.last_s for m in members),
        )
        for outcome, members in by_outcome.items()
    ]
    return sorted(groups, key=lambda g: (-g.count, g.outcome))


def _telling_reasons(members: Sequence[FailureMode]) -> tuple[str, ...]:
    """Reasons by how often they occurred; those of less than a twentieth would mislead beside the outcome's share."""
    counts: Counter[str] = Counter()
    for mode in members:
        counts[mode.reason] += mode.count
    total = sum(counts.values())
    return tuple(reason for reason, count in counts.most_common() if reason and count * 20 >= total)


def quantile_of(check: Check) -> float:
    """The quantile a latency check asks for (its share allowed beyond the limit, from 1); 0.95 where it has none."""
    return 0.95 if math.isnan(check.allowed_share) else 1 - check.allowed_share


def latency_checks(verdict: Verdict) -> list[Check]:
    """The checks whose limit is a time and that have data, worst first."""
    return [c for c in worst_first(verdict.checks) if c.unit == "s" and c.limit > 0 and c.n > 0]


def _used(check: Check) -> float:
    if math.isnan(check.bad_share_high) or math.isnan(check.allowed_share):
        return 0.0
    return check.bad_share_high / check.allowed_share if check.allowed_share else math.inf
