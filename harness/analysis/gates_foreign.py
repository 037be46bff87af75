"""Gates on rows that nobody planned for us: without a plan the books cannot be closed, so the rows must speak for
themselves. Doubled rows and silences show in them; both may be chance, and both are held against it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.doubt import NOTED, broken, held
from harness.analysis.scene import Scene
from harness.analysis.slo import Slo
from harness.analysis.verdict import Caveat
from harness.analysis.view import Floats, View
from harness.results import NEVER

SILENCE = "silence"
LEAST_SILENCE_S = 5.0
SILENT_GAPS = 30.0
"""A gap of so many median gaps of its neighbourhood: of a Poisson process it comes once in 10^9 gaps."""
EDGE = 3
NEIGHBOURS = 20
_SPECIFIC = 0.2
"""Chance that two rows are alike in all but their moment: above it, that says nothing of two rows."""
_SAMPLED = 20_000
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MOMENTS = ("sent_ns", "first_token_ns", "last_token_ns", "finished_ns")
_FACTS = ("outcome", "reason", "status", "journey", "tenant", "phase", "tokens_in", "tokens_out")


def doubled(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """Rows that are alike in every field are one request written twice, unless chance explains them: coarse clocks
    make twins. Only without a plan; with one, the ledger knows."""
    del slos
    view = scene.judged
    if scene.planned is not None or len(view) < 2:
        return None
    due = view.raw("due_ns")
    answer = _mixed([*(_after(view.raw(name), due) for name in _MOMENTS), *(view.raw(name) for name in _FACTS)])
    twins = _pairs(_mixed([due, answer]))
    few = answer[:: max(1, len(answer) // _SAMPLED)]
    likeness = _pairs(few) / math.comb(len(few), 2)
    # Where all answers are alike anyway, only the moments tell: then it is the coarseness of the clock that counts.
    expected = _pairs(due) * likeness if likeness <= _SPECIFIC else _chance_meetings(due * 1e-9)
    if twins > max(2.0, 3 * expected + 5 * math.sqrt(expected)):
        what = f"{twins:,.0f} pairs of rows are alike in every field; chance makes {expected:.1f}"
        return broken("doubled", what, "a file was joined with itself, or a log written twice: keep each row once")
    return held("doubled", f"no more rows alike than chance makes ({twins:,.0f} pairs)")


def _after(moment: np.ndarray, due: np.ndarray) -> np.ndarray:
    return np.where(moment == NEVER, NEVER, moment - due)


def _mixed(columns: list[np.ndarray]) -> np.ndarray:
    """One number a row, equal where all columns are (and else, but for one chance in 10^19 a pair, not)."""
    mixed = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        mixed = (mixed ^ column.astype(np.int64).view(np.uint64)) * _ODD
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _pairs(keys: np.ndarray) -> float:
    """How many pairs of equal keys there are."""
    ordered = np.sort(keys)
    ends = np.concatenate([np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(ordered)]])
    counts = np.diff(ends, prepend=0).astype(np.float64)
    return float((counts * (counts - 1)).sum() / 2)


def _chance_meetings(due_s: Floats) -> float:
    """Pairs with equal moments that a steady flow has by the coarseness of its clock alone."""
    apart = np.diff(due_s)
    apart = apart[apart > 0]
    span_s = float(due_s[-1] - due_s[0])
    return len(due_s) ** 2 * float(apart.min()) / (2 * span_s) if len(apart) else math.inf


def silence(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """A stretch in which nothing was sent, where the rate around it says that something should have been: rows were
    lost, or a generator that waits for answers stood still with its target. What would have come then was not
    measured, so such rows are at best INCONCLUSIVE. Only without a plan."""
    del slos
    if scene.planned is not None:
        return None
    found = []
    for segment in scene.segments:
        view = scene.judged.where(scene.judged.raw("phase") == scene.rows.catalog.phases.index(segment.phase))
        found += _silences(view)
    if not found:
        return held(SILENCE, "no stretch without a request but by chance")
    at_s, longest_s = max(found, key=lambda gap: gap[1])
    total_s = sum(length for _, length in found)
    what = f"nothing was sent for {longest_s:.0f} s from {at_s:.0f} s on"
    more = f" ({len(found)} such silences, {total_s:.0f} s in all)" if len(found) > 1 else ""
    advice = "rows were lost, or a generator that waits for answers stood still: what should have come is not measured"
    return Caveat(SILENCE, NOTED, what + more, advice, at_s)


def _silences(view: View) -> list[tuple[float, float]]:
    """(from, length) in seconds of each gap that its neighbourhood does not explain."""
    due = view.due_s
    gaps = np.diff(due)
    found = []
    for k in np.flatnonzero(gaps > LEAST_SILENCE_S):
        sides = (gaps[max(0, k - NEIGHBOURS) : k], gaps[k + 1 : k + 1 + NEIGHBOURS])
        usual_s = [float(np.median(side)) for side in sides if len(side) >= NEIGHBOURS / 2]
        # At an edge the rate may be on its way up from nothing, or down: one side alone must speak louder.
        if usual_s and gaps[k] > SILENT_GAPS * max(usual_s) * (1 if len(usual_s) > 1 else EDGE):
            found.append((float(due[k]), float(gaps[k])))
    return found
