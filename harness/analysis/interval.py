"""The exact part: how many requests the correlated ones are worth, and what interval follows for the share of bad ones.

Design effect by 20 blocks over a ladder of thresholds; one-sided Clopper-Pearson at the effective size; Woodruff's
interval for the percentile, for display; and how many requests would decide (verdict.md, "One check, exactly").
"""

from __future__ import annotations

import math

import numpy as np

from harness.analysis.special import beta_quantile, beta_share, normal_quantile, t_quantile
from harness.analysis.view import Bools, Floats

BLOCKS = 20
_LADDER = (0.5, 0.75, 0.9, 0.95)


def quantile(values: Floats, q: float) -> float:
    """The inverse of the empirical distribution: the smallest value that at least `q` of the sample do not exceed,
    so that `quantile(x, q) <= T` exactly when at most `1 - q` of the sample exceed T. Shape (n,), n >= 1."""
    rank = max(1, math.ceil(q * len(values) - 1e-9))
    return float(np.partition(values, rank - 1)[rank - 1])


def quantiles(values: Floats, qs: tuple[float, ...]) -> tuple[float, ...]:
    """Several of them at the price of one."""
    ranks = [min(len(values), max(1, math.ceil(q * len(values) - 1e-9))) - 1 for q in qs]
    parted = np.partition(values, sorted(set(ranks)))
    return tuple(float(parted[rank]) for rank in ranks)


def block_effect(bad: Bools) -> float:
    """`m Var(block mean) / (p (1 - p))` over 20 blocks of m requests in order; 0 where p is 0 or 1 or a block is
    empty."""
    m = len(bad) // BLOCKS
    if m == 0:
        return 0.0
    means = bad[: m * BLOCKS].reshape(BLOCKS, m).mean(axis=1)
    p = float(means.mean())
    if p <= 0 or p >= 1:
        return 0.0
    return m * float(means.var(ddof=1)) / (p * (1 - p))


def design_effect(bad: Bools, values: Floats | None, q: float) -> float:
    """How many of these requests carry the information of one independent request, before the small-sample factor.

    `bad` in order of due time, shape (n,); `values` (higher is worse) and `q` only where the SLO is a percentile.
    """
    n = len(bad)
    ladder = max(1.0, block_effect(bad))
    if values is None:
        return ladder
    rungs = (*(u for u in _LADDER if u < q), q)
    thresholds = quantiles(values, rungs)
    effects = [block_effect(values > threshold) for threshold in thresholds]
    ladder = max(ladder, *effects)
    m = n // BLOCKS
    if n / ladder >= 1000 and m:
        beyond = (values > thresholds[-1])[: m * BLOCKS].reshape(BLOCKS, m).any(axis=1)
        if beyond.mean() >= 0.8:
            return min(ladder, 1.5 * max(1.0, effects[-1]))
    return ladder


def small_sample_factor(alpha: float) -> float:
    """20 blocks estimate a variance with 19 degrees of freedom: `(t / z)^2`, 1.19 at .01."""
    return (t_quantile(1 - alpha, BLOCKS - 1) / normal_quantile(1 - alpha)) ** 2


def upper_share(share: float, n_effective: float, alpha: float) -> float:
    """One-sided Clopper-Pearson upper bound of a share at an effective size (not necessarily whole)."""
    x = share * n_effective
    return 1.0 if n_effective - x <= 1e-12 else beta_quantile(1 - alpha, x + 1, n_effective - x)


def lower_share(share: float, n_effective: float, alpha: float) -> float:
    """One-sided Clopper-Pearson lower bound."""
    x = share * n_effective
    return 0.0 if x <= 1e-12 else beta_quantile(alpha, x, n_effective - x + 1)


def p_value(share: float, n_effective: float, allowed: float) -> float:
    """The chance of so many bad requests, or more, if the allowed share were the true one."""
    x = share * n_effective
    return 1.0 if x <= 1e-12 else beta_share(allowed, x, n_effective - x + 1)


def woodruff(values: Floats, q: float, n_effective: float, alpha: float) -> tuple[float, float, float]:
    """(percentile, low, high): the sorted values at `1 - U(p0)` and `1 - L(p0)`."""
    allowed = 1 - q
    low = 1 - upper_share(allowed, n_effective, alpha)
    high = 1 - lower_share(allowed, n_effective, alpha)
    value, low_value, high_value = quantiles(values, (q, max(low, 1e-12), high))
    return value, low_value, high_value


def fewest_to_pass(allowed: float, alpha: float) -> float:
    """The least effective sample that can pass with no bad request at all: 44, 90, 459, 4,603 at p90 to p99.9."""
    return math.log(alpha) / math.log1p(-allowed)


def needed(share: float, allowed: float, effect: float, alpha: float) -> float | None:
    """Requests in all that would decide with 90 % power at this share and design effect; None where `share` is the
    limit."""
    if share == allowed:
        return None
    spread = normal_quantile(1 - alpha) * math.sqrt(allowed * (1 - allowed)) + normal_quantile(0.9) * math.sqrt(
        max(share, 0.1 * allowed) * (1 - share)
    )
    return effect * max(fewest_to_pass(allowed, alpha), (spread / (share - allowed)) ** 2)
