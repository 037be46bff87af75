"""Sequential looks: an undecided run is extended, and each look at it pays for all the looks that were planned.

Looks lie at doublings of the first, at most six; each is taken at `a / K` for K planned looks (`Rules.looks`), so that
peeking cannot buy a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.analysis.rules import Rules
from harness.analysis.verdict import Verdict, Word

MOST_LOOKS = 6


@dataclass(frozen=True)
class Looks:
    """When to look, in judged seconds, ascending; planned before the run."""

    at_s: tuple[float, ...]

    def rules(self, rules: Rules) -> Rules:
        """The rules of each single look."""
        return replace(rules, looks=len(self.at_s))

    def next_s(self, judged_s: float, verdict: Verdict) -> float | None:
        """How long the judged part should be at the next look; None where this look ends the run: it decided, the
        measurement is spoiled, or the plan has no later look. A look that cannot decide either is passed over."""
        if verdict.word is not Word.INCONCLUSIVE:
            return None
        later = [at for at in self.at_s if at > judged_s + 1e-6]
        if not later:
            return None
        wanted = judged_s + 60 * max((c.more_minutes or 0.0) for c in verdict.checks if c.gate == "block")
        return next((at for at in later if at >= wanted), later[-1])


def plan_looks(rules: Rules, first_s: float | None = None) -> Looks:
    """Looks from the first (the least judged time a verdict needs, where none is given) at doublings to
    `extend_up_to_s`."""
    at = [max(first_s if first_s is not None else rules.needed_s, 1.0)]
    while len(at) < MOST_LOOKS and at[-1] * 2 <= rules.extend_up_to_s:
        at.append(at[-1] * 2)
    if len(at) < MOST_LOOKS and at[-1] * 1.25 <= rules.extend_up_to_s:
        at.append(rules.extend_up_to_s)
    return Looks(tuple(at))
