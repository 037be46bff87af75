"""Two runs side by side: the difference of their bad shares, at their effective sizes. Unlike runs are refused
unless told.

A regression needs all three: a difference beyond the tolerance, a share that is not negligible (the floor), and
significance. Anything less is `same` or `unclear`, never an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.analysis.special import normal_quantile, normal_tail
from harness.analysis.verdict import Check, State, Verdict, Word


class Change(StrEnum):
    """What became of one SLO."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    UNCLEAR = "unclear"
    """The difference may matter, but these runs cannot show it."""


@dataclass(frozen=True)
class Identity:
    """What makes two runs alike enough to compare."""

    plan_hash: str
    target: str
    machine: str

    def differences(self, other: Identity) -> tuple[str, ...]:
        """What differs, in words."""
        return tuple(
            f"{name.replace('_', ' ')} {_told(name, self)} against {_told(name, other)}"
            for name in ("plan_hash", "target", "machine")
            if getattr(self, name) != getattr(other, name)
        )


def _told(name: str, identity: Identity) -> str:
    value = str(getattr(identity, name))
    return value[:10] if name == "plan_hash" else repr(value)


@dataclass(frozen=True)
class Tolerance:
    """When a difference is a regression."""

    relative: float = 0.10
    """Of the base's bad share."""
    floor: float = 0.001
    """A bad share below it is nobody's concern."""
    alpha: float = 0.01


@dataclass(frozen=True)
class Difference:
    """One SLO in both runs. Shares of bad requests; `low` and `high` bound the new minus the old."""

    slo: str
    change: Change
    base_share: float
    share: float
    low: float
    high: float
    p_value: float
    """Two-sided, of no difference."""


class UnlikeRunsError(ValueError):
    """The runs are not alike: comparing them would mislead."""


def compare(
    base: Verdict,
    new: Verdict,
    identities: tuple[Identity, Identity],
    tolerance: Tolerance = Tolerance(),
    *,
    anyway: bool = False,
) -> tuple[Difference, ...]:
    """The differences of the share checks both runs have, worst first. Raises `UnlikeRunsError` for unlike runs (unless
    `anyway`), for a spoiled one, and where no SLO is in both."""
    unlike = identities[0].differences(identities[1])
    if unlike and not anyway:
        raise UnlikeRunsError("these runs are unlike: " + "; ".join(unlike))
    for name, verdict in (("base", base), ("new", new)):
        if verdict.word is Word.INVALID:
            raise UnlikeRunsError(f"the {name} run is INVALID: {verdict.why}")
    before = {c.slo: c for c in _comparable(base.checks)}
    both = [(before[c.slo], c) for c in _comparable(new.checks) if c.slo in before]
    if not both:
        raise UnlikeRunsError("no SLO is in both runs")
    found = [difference(old, now, tolerance) for old, now in both]
    return tuple(sorted(found, key=lambda d: (d.change is not Change.WORSE, -(d.share - d.base_share))))


def _comparable(checks: Sequence[Check]) -> list[Check]:
    return [c for c in checks if c.state is not State.NO_DATA and not math.isnan(c.bad_share) and c.n_effective > 0]


def difference(old: Check, now: Check, tolerance: Tolerance) -> Difference:
    """Newcombe's interval of a difference of shares (Wilson intervals joined), at the effective sizes; the p-value
    is that
    of the pooled z test with one bad request added to each side's doubt, so that 0 against 0 is no evidence."""
    base, share, n_old, n_now = old.bad_share, now.bad_share, old.n_effective, now.n_effective
    z = normal_quantile(1 - tolerance.alpha / 2)
    old_low, old_high = _wilson(base, n_old, z)
    now_low, now_high = _wilson(share, n_now, z)
    gap = share - base
    low = gap - math.hypot(share - now_low, old_high - base)
    high = gap + math.hypot(now_high - share, base - old_low)
    pooled = (base * n_old + share * n_now + 1) / (n_old + n_now + 2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n_old + 1 / n_now))
    p = 2 * normal_tail(abs(gap) / error) if error > 0 else 1.0
    allowed = tolerance.relative * base
    change = _change(gap, low, high, allowed, max(base, share) >= tolerance.floor)
    return Difference(now.slo, change, base, share, low, high, min(1.0, p))


def _change(gap: float, low: float, high: float, allowed: float, counts: bool) -> Change:
    if not counts:
        return Change.SAME
    if gap > allowed and low > 0:
        return Change.WORSE
    if -gap > allowed and high < 0:
        return Change.BETTER
    # Not shown to differ: the same only where a difference that matters is excluded.
    return Change.SAME if high <= max(allowed, 0.001) and low >= -max(allowed, 0.001) else Change.UNCLEAR


def _wilson(share: float, n: float, z: float) -> tuple[float, float]:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
