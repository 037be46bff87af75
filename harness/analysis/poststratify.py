"""Post-stratification: the share of bad requests that the *planned* mix would have had, from a run with another mix.

A replay carries the journeys as they came. Weighting each journey's own share by its planned weight answers for the
plan;
the price is in the effective size, never in the verdict's favour: strata that were hardly seen widen the interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness.analysis.interval import block_effect
from harness.analysis.view import Bools, View


@dataclass(frozen=True)
class Stratified:
    """A weighted share with the size of the plain sample that would know as much."""

    share: float
    n_effective: float
    missing: tuple[str, ...]
    """Strata with a weight and no request: nothing can be said of them."""


def poststratify(view: View, bad: Bools, weights: Mapping[str, float]) -> Stratified:
    """The share of `bad` (shape (n,), in order of due time) under the planned `weights` of journeys.

    Each stratum's variance is that of a binomial at its own design effect, with one bad request in two added
    (Agresti and Coull) so that a stratum without failures is not taken for certain.
    """
    total = sum(weights.values())
    share = variance = 0.0
    missing = []
    for name, weight in weights.items():
        if weight <= 0:
            continue
        index = view.catalog.journeys.index(name) if name in view.catalog.journeys else -1
        mine = bad[view.journey == index] if index >= 0 else np.zeros(0, dtype=bool)
        n = len(mine)
        if n == 0:
            missing.append(name)
            continue
        part = weight / total
        own = float(mine.mean())
        guarded = (float(mine.sum()) + 1) / (n + 2)
        share += part * own
        variance += part**2 * guarded * (1 - guarded) * max(1.0, block_effect(mine)) / n
    guarded = min(max(share, 1 / (len(bad) + 2)), 1 - 1 / (len(bad) + 2)) if len(bad) else 0.5
    n_effective = min(float(len(bad)), guarded * (1 - guarded) / variance) if variance > 0 else 0.0
    return Stratified(share, n_effective, tuple(missing))
