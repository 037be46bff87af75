"""The area under a piecewise linear rate, and its exact inverse: which moment the a-th arrival falls on.

Areas are kept as double-double pairs (Dekker 1971, Knuth's two-sum), so that ten million arrivals, or the last
arrival of a ramp that ends at zero, are still right to the nanosecond; each stretch is solved from the end whose rate
is smaller, where the quadratic has no cancellation. Tested against exact rationals.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_SPLIT = 134217729.0  # 2**27 + 1
_CHUNK = 1 << 15  # arrivals solved at a time: the temporaries stay in the cache
_FEW = 1000

Stretches = np.intp | npt.NDArray[np.intp]
"""Which stretch of the curve: one for all, or one for each."""


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    total = a + b
    shadow = total - a
    return total, (a - (total - shadow)) + (b - shadow)


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    product = a * b
    a_high = _SPLIT * a - (_SPLIT * a - a)
    b_high = _SPLIT * b - (_SPLIT * b - b)
    a_low, b_low = a - a_high, b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def cumulative_area(knots_s: Floats, rates_per_s: Floats) -> tuple[Floats, Floats]:
    """The area from the first knot to each knot as (high, low) pairs, both shape (k,); high + low is the area."""
    width, width_low = _two_sum(knots_s[1:], -knots_s[:-1])
    both, both_low = _two_sum(rates_per_s[1:], rates_per_s[:-1])
    area, area_low = _two_product(width, both)
    area_low = area_low + (width * both_low + width_low * both)
    high = np.concatenate([[0.0], np.cumsum(area / 2)])
    # np.cumsum adds from left to right, so the rounding error of each of its steps can be had afterwards.
    _, slip = _two_sum(high[:-1], area / 2)
    low = np.concatenate([[0.0], np.cumsum(slip + area_low / 2)])
    return _two_sum(high, low)


def invert_area(knots_s: Floats, rates_per_s: Floats, targets: Floats) -> Floats:
    """The times (s) at which the area under the rate reaches each of `targets`; ascending in, ascending out.

    `knots_s` ascends (equal knots are a step), `rates_per_s` >= 0, `targets` in [0, total area], shape (n,).
    """
    high, low = cumulative_area(knots_s, rates_per_s)
    # Targets before each inner knot; a stretch without area gets none, but at the very ends, where the clip decides.
    cuts = np.searchsorted(targets, high[1:-1] + low[1:-1], side="left")
    bounds = np.concatenate([[0], cuts, [targets.size]])
    out = np.empty(targets.size)
    for at, part in _parts(bounds):
        # Area from the stretch's start, and to its end.
        done = (targets[part] - high[at]) - low[at]
        rest = (high[at + 1] - targets[part]) + low[at + 1]
        out[part] = _solve(knots_s, rates_per_s, at, done, rest)
    if np.all(out[1:] >= out[:-1]):
        return out
    ascending: Floats = np.maximum.accumulate(out)  # the last bit of two times in neighbouring stretches
    return ascending


def _parts(bounds: npt.NDArray[np.int64]) -> Iterator[tuple[Stretches, slice]]:
    """Slices of the targets that fit the cache, each with its stretch, or with one stretch a target where the curve
    has many."""
    if bounds.size <= _FEW:
        for at, (first, last) in enumerate(pairwise(bounds)):
            for start in range(first, last, _CHUNK):
                yield np.intp(at), slice(start, min(start + _CHUNK, last))
        return
    stretches = np.repeat(np.arange(bounds.size - 1), np.diff(bounds))
    for start in range(0, stretches.size, _CHUNK):
        yield stretches[start : start + _CHUNK], slice(start, start + _CHUNK)


def _solve(knots_s: Floats, rates: Floats, at: Stretches, done: Floats, rest: Floats) -> Floats:
    left, right = rates[at], rates[at + 1]
    start, end = knots_s[at], knots_s[at + 1]
    width = end - start
    rises = right >= left
    near = np.minimum(left, right)
    area = np.maximum(np.where(rises, done, rest), 0.0)  # from the end with the smaller rate
    # A stretch of less than a picosecond is a step: wherever its arrivals fall in it, they are right to the nanosecond.
    slope = np.divide(np.abs(right - left), width, out=np.zeros_like(width), where=width > 1e-12)
    root = near + np.sqrt(near * near + 2 * slope * area)
    step = np.divide(2 * area, root, out=np.zeros_like(root), where=root > 0)
    step = np.minimum(step, width)
    times: Floats = np.where(rises, start + step, end - step)
    return times
