"""A shape made longer: its last phase goes on with more of the same, for a run that is undecided at its planned end."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.forecast.shape import Floats, Shape, cut_curve


def lengthened(shape: Shape, last_s: float) -> Shape:
    """`shape` with its last phase `last_s` seconds long: its curve, its mixes and its sizes over again, and cut there.

    A recorded phase cannot go on: nothing was recorded after it.
    """
    last = shape.phases[-1]
    period_s = last.end_s - last.start_s
    assert last_s >= period_s > 0 and shape.process_of(last) != "replay", (last_s, last)
    end_s = last.start_s + last_s
    starts: Floats = last.start_s + period_s * np.arange(math.ceil(last_s / period_s - 1e-9), dtype=np.float64)
    knots, rates = cut_curve(shape.knots_s, shape.rates_per_s, last.start_s, last.end_s)
    times, levels = [start + knots for start in starts], [rates] * len(starts)
    times[-1][-1] = max(times[-1][-1], end_s)  # periods as floats may add up to a hair less
    if last.start_s > 0:
        knots, rates = cut_curve(shape.knots_s, shape.rates_per_s, 0.0, last.start_s)
        times, levels = [knots, *times], [rates, *levels]
    knots, rates = cut_curve(np.concatenate(times), np.concatenate(levels), 0.0, end_s)
    longer = replace(
        shape,
        knots_s=knots,
        rates_per_s=rates,
        phases=(*shape.phases[:-1], replace(last, end_s=end_s)),
    )
    return _sizes_again(_mixes_again(longer, last.start_s, starts), last.start_s, starts)


def _mixes_again(shape: Shape, from_s: float, starts: Floats) -> Shape:
    if shape.mix_times_s is None or shape.mix_shares is None:
        return shape
    inside = shape.mix_times_s > from_s
    ruling = max(0, int(np.searchsorted(shape.mix_times_s, from_s, side="right")) - 1)
    times, shares = [shape.mix_times_s], [shape.mix_shares]
    for start in starts[1:]:
        times.append(np.concatenate([[start], shape.mix_times_s[inside] - from_s + start]))
        shares.append(np.concatenate([shape.mix_shares[ruling : ruling + 1], shape.mix_shares[inside]]))
    return replace(shape, mix_times_s=np.concatenate(times), mix_shares=np.concatenate(shares))


def _sizes_again(shape: Shape, from_s: float, starts: Floats) -> Shape:
    if shape.tokens is None or shape.token_times_s is None:
        return shape
    inside = shape.token_times_s >= from_s
    times = [shape.token_times_s, *(shape.token_times_s[inside] - from_s + start for start in starts[1:])]
    sizes: list[npt.NDArray[np.uint32]] = [shape.tokens, *(shape.tokens[inside] for _ in starts[1:])]
    return replace(shape, token_times_s=np.concatenate(times), tokens=np.concatenate(sizes))
