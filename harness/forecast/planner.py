"""From a shape to the arrivals of one run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt

from harness.errors import Problem, UsageError
from harness.forecast.arrivals import ARRIVAL_DTYPE, ArrivalArray, Arrivals
from harness.forecast.processes import cox_times, deterministic_times, poisson_times
from harness.forecast.shape import Burst, Phase, Shape, cut_curve
from harness.forecast.streams import stream

MOST_ARRIVALS = 50_000_000
"""A plan above this is a slip of the pen (a day at 10,000/s is 864 million): refused before memory is asked for."""
NEAR = 500
"""Token pairs this far, in recorded order, on either side of the moment are drawn from, where their times are known."""


def plan_arrivals(shape: Shape, journeys: tuple[str, ...], seed: int) -> Arrivals:
    """The arrivals of `shape`: the same for the same (shape, journeys, seed), whatever fires them.

    Token sizes of 0 say that the shape knows none: the journey's own default holds.
    Raises UsageError where the mix names an unknown journey or the plan is too large.
    """
    assert journeys and len(journeys) < 256 and len(shape.phases) < 256, "indexes are one byte"
    if shape.expected_count > MOST_ARRIVALS:
        raise UsageError(
            Problem(
                f"the shape asks for {shape.expected_count:,.0f} arrivals, more than {MOST_ARRIVALS:,}",
                "shorten it with slice or time_scale",
            )
        )
    due_ns = np.concatenate([_due_ns(shape, run, seed) for run in _runs(shape)])
    array: ArrivalArray = np.zeros(due_ns.size, dtype=ARRIVAL_DTYPE)
    array["due_ns"] = due_ns
    starts = np.rint(np.array([p.start_s for p in shape.phases[1:]]) * 1e9).astype(np.int64)
    bounds = [0, *np.searchsorted(due_ns, starts, side="left"), due_ns.size]
    for index, (first, last) in enumerate(pairwise(bounds)):
        array["phase"][first:last] = index
    number = _numbers(shape, journeys)
    array["journey"] = _journeys(shape, number, due_ns, seed)
    spans = list(zip(shape.phases, bounds[:-1], bounds[1:], strict=True))
    if shape.replay_s is not None and shape.replay_journeys is not None:
        for own, first, last in _recorded(shape, shape.replay_s, spans):
            array["journey"][first:last] = number[shape.replay_journeys[own]]
    if shape.tokens is not None and shape.tokens.size:
        pairs = _tokens(shape, shape.tokens, due_ns, number, array["journey"], seed)
        if shape.replay_s is not None and shape.replay_s.size == shape.tokens.shape[0]:
            for own, first, last in _recorded(shape, shape.replay_s, spans):
                pairs[first:last] = shape.tokens[own]
        array["tokens_in"], array["tokens_out"] = pairs[:, 0], pairs[:, 1]
    return Arrivals(array, tuple(p.name for p in shape.phases), journeys, seed, shape.process)


def _runs(shape: Shape) -> list[tuple[str, Phase]]:
    """Neighbouring phases of the same process as one stretch: its arrivals do not know where a phase ends."""
    runs = []
    for process, group in groupby(shape.phases, shape.process_of):
        phases = list(group)
        runs.append((process, Phase("", phases[0].start_s, phases[-1].end_s, constant_rate=False)))
    return runs


def _due_ns(shape: Shape, run: tuple[str, Phase], seed: int) -> npt.NDArray[np.int64]:
    process, span = run
    start_ns, end_ns = round(span.start_s * 1e9), round(span.end_s * 1e9)
    if process == "replay":
        assert shape.replay_s is not None, "a replay carries its recorded arrivals"
        inside = (shape.replay_s >= span.start_s) & (shape.replay_s < span.end_s)
        return np.clip(np.rint(shape.replay_s[inside] * 1e9).astype(np.int64), start_ns, end_ns - 1)
    knots, rates = cut_curve(shape.knots_s, shape.rates_per_s, span.start_s, span.end_s)
    rng = stream(seed, f"arrivals@{start_ns}")
    if process == "deterministic":
        times = deterministic_times(knots, rates)
    elif process == "cox":
        times = cox_times(knots, rates, shape.burst or Burst(0.0, 1.0), rng)
    else:
        times = poisson_times(knots, rates, rng)
    return np.clip(start_ns + np.rint(times * 1e9).astype(np.int64), start_ns, max(start_ns, end_ns - 1))


def _recorded(
    shape: Shape, replay_s: npt.NDArray[np.float64], spans: list[tuple[Phase, int, int]]
) -> Iterator[tuple[slice, int, int]]:
    """(recorded arrivals, first, last) of each stretch of the plan that plays them."""
    for phase, first, last in spans:
        if shape.process_of(phase) == "replay":
            own = int(np.searchsorted(replay_s, phase.start_s, side="left"))
            yield slice(own, own + last - first), first, last


def _numbers(shape: Shape, journeys: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """Number of each journey of the mix; of all of `journeys` without one."""
    if unknown := [name for name in shape.mix if name not in journeys]:
        raise UsageError(
            Problem(
                f"the mix names {', '.join(map(repr, unknown))}, which is no journey",
                f"have {', '.join(journeys)}; forecast --journey NAME=/path/* says which paths are of which",
            )
        )
    return np.array([journeys.index(name) for name in shape.mix or journeys], dtype=np.uint8)


def _journeys(
    shape: Shape, index: npt.NDArray[np.uint8], due_ns: npt.NDArray[np.int64], seed: int
) -> npt.NDArray[np.uint8]:
    """The journey of each arrival, drawn from the mix of its time."""
    weights = np.array(list(shape.mix.values()) or [1.0] * index.size)
    table = weights[None, :] if shape.mix_shares is None else shape.mix_shares
    starts = np.zeros(1) if shape.mix_times_s is None else shape.mix_times_s
    edges = [*np.searchsorted(due_ns, np.rint(starts * 1e9).astype(np.int64)), due_ns.size]
    draws = stream(seed, "journeys").random(due_ns.size)
    out = np.empty(due_ns.size, dtype=np.uint8)
    for row, first, last in zip(table, edges[:-1], edges[1:], strict=True):
        if not (np.all(row >= 0) and row.sum() > 0):
            raise UsageError(
                Problem("the mix has no positive share", "give each journey a weight, at least one above 0")
            )
        levels = np.cumsum(row)[:-1] / row.sum()
        chosen = np.zeros(last - first, dtype=np.uint8)
        for level in levels:  # few journeys: counting passes beats a binary search for each arrival
            chosen += draws[first:last] >= level
        out[first:last] = index[chosen]
    return out


def _tokens(  # noqa: PLR0917 -- what was planned so far
    shape: Shape,
    pool: npt.NDArray[np.uint32],
    due_ns: npt.NDArray[np.int64],
    number: npt.NDArray[np.uint8],
    journey: npt.NDArray[np.uint8],
    seed: int,
) -> npt.NDArray[np.uint32]:
    """One (prompt, output) pair an arrival, drawn from the pool: from the pairs of its journey where they are known
    (zeros where its journey has none)."""
    rng = stream(seed, "tokens")
    times_s = shape.token_times_s
    if shape.token_journeys is None:
        return pool[_pick(pool.shape[0], times_s, due_ns, rng)]
    pairs = np.zeros((due_ns.size, 2), dtype=np.uint32)
    for index in range(number.size):
        mine, theirs = np.flatnonzero(journey == number[index]), np.flatnonzero(shape.token_journeys == index)
        if theirs.size:
            near = None if times_s is None else times_s[theirs]
            pairs[mine] = pool[theirs[_pick(theirs.size, near, due_ns[mine], rng)]]
    return pairs


def _pick(
    size: int, times_s: npt.NDArray[np.float64] | None, due_ns: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """An entry of a pool of `size` for each arrival, near in time where their times are known."""
    if times_s is None:
        return rng.integers(0, size, due_ns.size)
    here = np.searchsorted(times_s, due_ns / 1e9)
    near: npt.NDArray[np.int64] = here + rng.integers(-NEAR, NEAR, due_ns.size, endpoint=True)
    return near.clip(0, size - 1)
