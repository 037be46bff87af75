"""The books of a run: planned arrivals against rows, by seq."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.evidence import Planned
from harness.analysis.view import Indexes, View


@dataclass(frozen=True)
class Account:
    """How many arrivals have more than one row, none, or were never planned; and rows that are not as planned."""

    planned: int
    rows: int
    doubled: int
    missing: int
    unknown: int
    altered: tuple[tuple[str, int], ...]
    """(field, rows whose value is not the planned one)."""

    @property
    def accounted(self) -> int:
        """Planned arrivals with at least one row."""
        return self.planned - self.missing


def settle_account(view: View, plan: Planned) -> Account:
    """Holds the rows of `view` against the plan, each by its seq."""
    place, known = _places(view.raw("seq"), plan)
    counts = np.bincount(place[known], minlength=len(plan.seq))
    altered = []
    for name, planned in (("due_ns", plan.due_ns), ("phase", plan.phase), ("journey", plan.journey)):
        differs = view.raw(name)[known] != planned[place[known]]
        altered.append((name, int(differs.sum())))
    return Account(
        planned=len(plan.seq),
        rows=len(view),
        doubled=int((counts > 1).sum()),
        missing=int((counts == 0).sum()),
        unknown=int((~known).sum()),
        altered=tuple((name, count) for name, count in altered if count),
    )


def _places(seq: np.ndarray, plan: Planned) -> tuple[Indexes, np.ndarray]:
    """(index into the plan of each seq, whether it is there)."""
    count = len(plan.seq)
    if count and plan.seq[0] == 0 and plan.seq[-1] == count - 1 and np.all(np.diff(plan.seq.astype(np.int64)) == 1):
        return seq.astype(np.intp), seq < count
    order = np.argsort(plan.seq, kind="stable")
    found = np.minimum(np.searchsorted(plan.seq[order], seq), max(count - 1, 0))
    place = order[found] if count else np.zeros(len(seq), dtype=np.intp)
    return place, (plan.seq[place] == seq if count else np.zeros(len(seq), dtype=bool))
