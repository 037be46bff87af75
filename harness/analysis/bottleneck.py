"""What broke first, as suspects with evidence: dependencies by their own calls or by the journey's steps, the
harness itself, and the target where nothing else explains it. SUSPECTED until a relief run confirms (`confirmed`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.doubt import BROKEN
from harness.analysis.failures import BIN_S, began
from harness.analysis.scene import Scene
from harness.analysis.verdict import Bottleneck, Caveat
from harness.analysis.view import Bools, Floats, View
from harness.results import Outcome, Reason

SUSPECTED, CONFIRMED = "SUSPECTED", "CONFIRMED"
_HARNESS_GATES = frozenset(
    {"send_lag", "loop_lag", "cpu", "late_sends", "client_failures", "telemetry", "workers", "path"}
)
_LIMIT_CALLS = 3
_EXCESS_SHARE = 0.3
"""Of the extra time of bad requests, before a dependency is suspected for it."""
_ELASTIC = 1.5
"""Latency at the busiest stretches over that at the quietest."""
RELIEF_GAIN = 0.15
_STRAY_S = 1e9
"""After all that began to refuse, before all that refused nothing: a few refusals here and there."""
_BUSY, _RISE, _FULL = 0.8, 0.05, 0.98


@dataclass(frozen=True)
class _Part:
    """Calls to one dependency, or rows of one step. Shapes (n,)."""

    name: str
    seq: np.ndarray
    started_s: Floats
    spent_s: Floats
    limited: Bools
    limit: str = ""
    places: int = 0
    """Calls that are worked on at once; 0 is unknown."""


def suspects(scene: Scene, bad_seq: np.ndarray, caveats: Sequence[Caveat]) -> tuple[Bottleneck, ...]:
    """Suspects: those that refused calls before the others, and of them the one that began to first; else strongest
    first. `bad_seq`: arrivals that missed an SLO."""
    found = [*_harness(scene, caveats)]
    ranked = []
    for part in _parts(scene):
        evidence, strength = _evidence(scene, part, bad_seq)
        if evidence:
            ranked.append(
                ((_refused_from_s(part), -strength), Bottleneck(part.name, SUSPECTED, evidence, _advice(part)))
            )
    found += [suspect for _, suspect in sorted(ranked, key=lambda pair: pair[0])]
    if not found and len(bad_seq):
        found.append(
            Bottleneck(
                "target", SUSPECTED, ("no dependency explains the bad requests",), "profile the target under this load"
            )
        )
    return tuple(found)


def confirmed(suspect: Bottleneck, before: float, relieved: float) -> Bottleneck:
    """The suspect after a relief run (its limit doubled, or it stubbed): CONFIRMED when the capacity estimate rose
    by 15 %."""
    gain = relieved / before - 1
    said = f"relief run: capacity {before:.1f}/s -> {relieved:.1f}/s ({gain:+.0%})"
    return replace(suspect, status=CONFIRMED if gain >= RELIEF_GAIN else SUSPECTED, evidence=(*suspect.evidence, said))


def _harness(scene: Scene, caveats: Sequence[Caveat]) -> Iterator[Bottleneck]:
    broken = tuple(c.what for c in caveats if c.status == BROKEN and c.kind in _HARNESS_GATES)
    bound = int((scene.judged.raw("reason") == Reason.IN_FLIGHT_BOUND).sum())
    if bound:
        broken += (f"{bound} arrivals met the in-flight bound of {scene.evidence.in_flight_limit or 'the run'}",)
    broken += _cpu_rising(scene)
    if broken:
        yield Bottleneck("harness", SUSPECTED, broken, "more processes, a quieter machine or a higher in-flight bound")


def _cpu_rising(scene: Scene) -> tuple[str, ...]:
    """The busiest worker's share of its core, where it rose to the height at which a generator is late."""
    records = scene.telemetry()
    if records is None or not scene.segments:
        return ()
    start_s, end_s = scene.segments[0].start_s, min(scene.until_s, scene.segments[-1].end_s)
    fifth_s = (end_s - start_s) / 5
    for worker in np.unique(records["worker"]):
        mine = records[records["worker"] == worker]
        ends = mine["t_s"]
        first = mine["cpu_share"][(ends > start_s) & (ends <= start_s + fifth_s)]
        last = mine["cpu_share"][(ends > end_s - fifth_s) & (ends <= end_s)]
        if len(first) and len(last) and is_rising((float(first.mean()), float(last.mean()))):
            return (f"the CPU of worker {worker} rose from {first.mean():.0%} to {last.mean():.0%} of its core",)
    return ()


def _parts(scene: Scene) -> Iterator[_Part]:
    calls = scene.evidence.calls
    if calls is not None:
        start = min((s.start_s for s in scene.segments), default=0.0)
        for k, name in enumerate(calls.names):
            mine = (calls.name == k) & (calls.started_s >= start) & (calls.started_s < scene.until_s)
            status = calls.status[mine]
            yield _Part(
                name,
                calls.seq[mine],
                calls.started_s[mine],
                (calls.finished_s - calls.started_s)[mine],
                (status == 429) | (status == 503),
                calls.limits.get(name, ""),
                calls.places.get(name, 0),
            )
        return
    for step in range(1, len(scene.rows.catalog.steps)):
        view = View.of(scene.rows, step)
        view = view.where(np.isin(view.raw("seq"), scene.judged.raw("seq")))
        status = view.raw("status")
        yield _Part(
            f"step {scene.rows.catalog.steps[step]}",
            view.raw("seq"),
            view.due_s,
            view.e2e_s,
            (view.outcome == Outcome.THROTTLED) | (status == 429) | (status == 503),
        )


def utilisation(scene: Scene, started_s: Floats, spent_s: Floats, places: int) -> tuple[float, float] | None:
    """(at first, in the end): the mean share of `places` that calls held in the first and the last fifth of the judged
    time; None where the places are not known. Waiting calls count too: above 1 is 1."""
    if places < 1 or not scene.segments or not len(started_s):
        return None
    start_s, end_s = scene.segments[0].start_s, min(scene.until_s, scene.segments[-1].end_s)
    fifth_s = (end_s - start_s) / 5
    ends = np.where(np.isfinite(spent_s), started_s + spent_s, end_s)
    shares = []
    for low, high in ((start_s, start_s + fifth_s), (end_s - fifth_s, end_s)):
        held_s = np.clip(np.minimum(ends, high) - np.maximum(started_s, low), 0, None).sum()
        shares.append(min(1.0, float(held_s) / (fifth_s * places)))
    return shares[0], shares[1]


def is_rising(used: tuple[float, float]) -> bool:
    """Busy in the end, and more so than at first; what was full from the start cannot rise."""
    first, last = used
    return last >= _BUSY and (last > first + _RISE or min(first, last) >= _FULL)


def _advice(part: _Part) -> str:
    return (
        f"raise its {part.limit}" if part.limit else f"double {part.name}'s limit or stub it, and run again to confirm"
    )


def _evidence(scene: Scene, part: _Part, bad_seq: np.ndarray) -> tuple[tuple[str, ...], float]:
    evidence, strength = [], 0.0
    limited = int(part.limited.sum())
    if limited >= _LIMIT_CALLS:
        first = float(part.started_s[part.limited].min())
        evidence.append(f"limit hit: {limited} of {len(part.seq)} calls refused, from {first:.0f} s on")
        strength += 2 + limited / len(part.seq)
    excess = _excess(scene, part, bad_seq)
    if excess >= _EXCESS_SHARE and strength + excess > _EXCESS_SHARE:
        evidence.append(f"{min(excess, 1):.0%} of the extra time of bad requests is spent in it")
        strength += min(excess, 1.0)
    used = utilisation(scene, part.started_s, part.spent_s, part.places)
    if used is not None and len(bad_seq) and is_rising(used):
        evidence.append(f"its {part.places} places were {used[1]:.0%} busy in the end, {used[0]:.0%} at first")
        strength += 0.5
    elastic, at = _elasticity(scene, part)
    if elastic >= _ELASTIC and len(bad_seq):
        evidence.append(f"its latency grows {elastic:.1f}-fold with the load, from {at:.0f} s on")
        strength += 0.3
    return tuple(evidence), strength


def _refused_from_s(part: _Part) -> float:
    """When it began to refuse calls; infinite where it did not. What is refused later is often the consequence: a
    fallback is overrun because the primary refuses."""
    if not part.limited.any():
        return math.inf
    order = np.argsort(part.started_s, kind="stable")
    at = began(part.started_s[order], part.limited[order])
    return _STRAY_S if at is None else at


def _per_arrival(scene: Scene, part: _Part) -> Floats:
    """Time in the part for each judged arrival, seconds, shape of `scene.judged`."""
    seqs = scene.judged.raw("seq").astype(np.int64)
    order = np.argsort(seqs, kind="stable")
    place = np.searchsorted(seqs[order], part.seq)
    place = np.minimum(place, max(len(seqs) - 1, 0))
    spent = np.zeros(len(seqs))
    if len(seqs):
        hit = (seqs[order][place] == part.seq) & np.isfinite(part.spent_s)
        np.add.at(spent, order[place[hit]], part.spent_s[hit])
    return spent


def _excess(scene: Scene, part: _Part, bad_seq: np.ndarray) -> float:
    """Share of the extra time of bad requests, over good ones of the same 10 s, that was spent in the part."""
    view = scene.judged
    bad = np.isin(view.raw("seq"), bad_seq) & np.isfinite(view.e2e_s)
    good = view.success & ~np.isin(view.raw("seq"), bad_seq)
    if bad.sum() < _LIMIT_CALLS or good.sum() < _LIMIT_CALLS:
        return 0.0
    spent = _per_arrival(scene, part)
    bins = np.floor(view.due_s / BIN_S).astype(np.int64)
    bins -= bins.min()
    extra_part = extra_whole = 0.0
    for k in np.unique(bins[bad]):
        here_bad, here_good = bad & (bins == k), good & (bins == k)
        if not here_good.any():
            here_good = good
        extra_part += float((spent[here_bad] - spent[here_good].mean()).sum())
        extra_whole += float((view.e2e_s[here_bad] - view.e2e_s[here_good].mean()).sum())
    return extra_part / extra_whole if extra_whole > 0 else 0.0


def _elasticity(scene: Scene, part: _Part) -> tuple[float, float]:
    """(latency of the busiest fifth of the 10 s stretches over that of the quietest, first busy moment)."""
    finite = np.isfinite(part.spent_s)
    started, spent = part.started_s[finite], part.spent_s[finite]
    if len(started) < 50 or not scene.segments:
        return 1.0, 0.0
    bins = np.floor(started / BIN_S).astype(np.int64)
    ids, inverse, counts = np.unique(bins, return_inverse=True, return_counts=True)
    if len(ids) < 5:
        return 1.0, 0.0
    means = np.bincount(inverse, weights=spent) / counts
    order = np.argsort(counts, kind="stable")
    fifth = max(1, len(ids) // 5)
    quiet, busy = means[order[:fifth]].mean(), means[order[-fifth:]].mean()
    return (float(busy / quiet) if quiet > 0 else 1.0), float(ids[order[-fifth:]].min() * BIN_S)
