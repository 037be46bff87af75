"""Release-grade: at least three runs (fresh processes, other seeds) pooled into one word.

Counts pool; the design effect is the larger of within-run and between-run; runs that disagree beyond chance (p <
.01) are
INVALID, because something nobody controls changed between them. One INVALID run spoils the pool, one unstable run
fails it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.check import share_state
from harness.analysis.interval import p_value, small_sample_factor
from harness.analysis.rules import Rules
from harness.analysis.special import chi_square_tail
from harness.analysis.verdict import Check, State, Verdict, Word

FEWEST_RUNS = 3
DISAGREE_P = 0.01


@dataclass(frozen=True)
class Pooled:
    """The word over several runs of one plan."""

    word: Word
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]


def pool(verdicts: Sequence[Verdict], rules: Rules) -> Pooled:
    """Pools runs of the same SLOs. Raises ValueError for fewer than three, or where their SLOs differ."""
    if len(verdicts) < FEWEST_RUNS:
        raise ValueError(f"{len(verdicts)} runs: at least {FEWEST_RUNS} are pooled")
    names = [tuple(c.slo for c in v.checks) for v in verdicts]
    spoiled = tuple(f"run {k} is INVALID" for k, v in enumerate(verdicts, 1) if v.word is Word.INVALID)
    if spoiled:
        return Pooled(Word.INVALID, (), spoiled)
    if len(set(names)) > 1:
        raise ValueError("the runs were held against different SLOs")
    pooled, unlike = [], []
    for group in zip(*(v.checks for v in verdicts), strict=True):
        check, p = _pooled(group, rules)
        pooled.append(check)
        if p < DISAGREE_P and check.gate == "block":
            unlike.append(f"the runs disagree on {check.slo} (p = {p:.2g})")
    checks = tuple(pooled)
    if unlike:
        return Pooled(Word.INVALID, checks, tuple(unlike))
    return _word(verdicts, checks, rules)


def _pooled(group: Sequence[Check], rules: Rules) -> tuple[Check, float]:
    """(the pooled check, p-value of the runs being alike)."""
    first = group[0]
    if math.isnan(first.allowed_share):
        # Means are not pooled: the worst run speaks for all.
        return min(group, key=lambda c: [State.MISSED, State.NO_DATA, State.UNDECIDED, State.MET].index(c.state)), 1.0
    n = np.array([c.n for c in group], dtype=float)
    bad = np.array([c.bad_share for c in group]) * n
    share = float(bad.sum() / n.sum())
    spread = share * (1 - share)
    effective = np.array([c.n_effective for c in group])
    gaps = bad / n - share
    p = 1.0 if spread <= 0 else chi_square_tail(float((effective * gaps**2).sum() / spread), len(group) - 1)
    factor = small_sample_factor(rules.pass_alpha)
    within = float(n.sum() / effective.sum()) / factor
    between = float((n * gaps**2).sum() / (len(group) - 1) / spread) if spread > 0 else 1.0
    effect, total = max(1.0, within, between), int(n.sum())
    state, low, high = share_state(share, total, effect, first.allowed_share, rules)
    n_effective = total / (effect * factor)
    found = replace(
        first,
        state=state,
        n=total,
        n_effective=n_effective,
        design_effect=effect * factor,
        bad=round(float(bad.sum())),
        bad_share=share,
        bad_share_low=low,
        bad_share_high=high,
        p_value=p_value(share, n_effective, first.allowed_share),
        reason="" if state is not State.UNDECIDED else "TOO_SHORT",
        value=max(c.value for c in group) if first.unit != "share" else first.value,
        more_requests=None,
        more_minutes=None,
    )
    return found, p


def _word(verdicts: Sequence[Verdict], checks: tuple[Check, ...], rules: Rules) -> Pooled:
    gating = sorted((c for c in checks if c.gate == "block"), key=lambda c: c.p_value)
    rejected = []
    for rank, check in enumerate(gating):
        if check.p_value >= rules.fail_alpha / (len(gating) - rank):
            break
        rejected.append(check.slo)
    unstable = ["unstable"] if any("unstable" in v.reasons for v in verdicts) else []
    if rejected or unstable:
        return Pooled(Word.FAIL, checks, (*rejected, *unstable))
    held_back = {r for v in verdicts for r in v.reasons if r in {"COVERAGE", "stability_not_shown"}}
    undecided = [c.slo for c in gating if c.state is not State.MET]
    if undecided or held_back or not gating:
        return Pooled(Word.INCONCLUSIVE, checks, (*undecided, *sorted(held_back)))
    return Pooled(Word.PASS, checks, ())
