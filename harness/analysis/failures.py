"""Failure modes: in what ways arrivals did not succeed, from when to when, where; and what came first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.evidence import Calls
from harness.analysis.interval import lower_share
from harness.analysis.measure import NoSample, sample
from harness.analysis.scene import Scene
from harness.analysis.slo import Kind, Slo
from harness.analysis.verdict import Check, FailureMode, State
from harness.analysis.view import View
from harness.results import ARRIVAL, Outcome, Reason

BIN_S = 10.0
_ONSET_COUNT = 3
_SURE = 0.01
_PLURALS = {
    Outcome.THROTTLED: "429s", Outcome.SERVER_ERROR: "server errors", Outcome.CLIENT_ERROR: "client errors",
    Outcome.TIMEOUT: "timeouts", Outcome.REFUSED: "refused connections", Outcome.RESET: "connection resets",
    Outcome.TRUNCATED: "cut answers", Outcome.MALFORMED: "malformed answers",
    Outcome.WRONG_SHAPE: "wrong-shaped answers", Outcome.TOO_LARGE: "oversized answers",
    Outcome.CANCELLED: "cancelled requests", Outcome.NOT_SENT: "unsent arrivals",
    Outcome.LOST_WITH_WORKER: "arrivals lost with a worker", Outcome.DEGRADED: "degraded answers",
}  # fmt: skip


def failure_modes(scene: Scene) -> tuple[FailureMode, ...]:
    """Ways in which judged arrivals failed, most frequent first; `step` is the first failing step of a journey."""
    view = scene.judged.where(~scene.judged.success)
    if len(view) == 0:
        return ()
    catalog = scene.rows.catalog
    step = _first_failing_step(scene, view)
    reason = view.raw("reason").astype(np.int64)
    status = np.where(reason == Reason.NONE, view.raw("status").astype(np.int64), 0)
    journeys = view.journey.astype(np.int64)
    key = (status << 32) | (view.outcome.astype(np.int64) << 24) | (reason << 16) | (journeys << 8) | step
    modes = []
    for value in np.unique(key):
        due = view.due_s[key == value]
        outcome, why, journey, where = (value >> 24) & 255, (value >> 16) & 255, (value >> 8) & 255, value & 255
        modes.append(
            FailureMode(
                outcome=Outcome(outcome).label if outcome in _OUTCOMES else f"outcome {outcome}",
                reason=_reason(int(why), int(value >> 32)),
                count=len(due),
                share=len(due) / len(view),
                first_s=float(due[0]),
                last_s=float(due[-1]),
                journey=catalog.journeys[journey] if journey < len(catalog.journeys) else "",
                step=catalog.steps[where] if ARRIVAL < where < len(catalog.steps) else "",
            )
        )
    return tuple(sorted(modes, key=lambda mode: -mode.count))


_OUTCOMES = frozenset(map(int, Outcome))
_REASONS = frozenset(map(int, Reason))


def _reason(why: int, status: int) -> str:
    """`deadline`; the HTTP status where the answer itself said no and nothing more is known."""
    if why == Reason.NONE and status:
        return f"http_{status}"
    return Reason(why).label if why in _REASONS else f"reason {why}"


def _first_failing_step(scene: Scene, failed: View) -> np.ndarray:
    """Step number a failed arrival, 0 where no step of it failed."""
    array = scene.rows.array
    steps = array[array["step"] != ARRIVAL]
    steps = steps[~np.isin(steps["outcome"], (Outcome.OK, Outcome.DEGRADED))]
    result = np.zeros(len(failed), dtype=np.int64)
    if len(steps) == 0:
        return result
    steps = steps[np.lexsort((steps["step"], steps["seq"]))]
    seq, first = np.unique(steps["seq"], return_index=True)
    place = np.minimum(np.searchsorted(seq, failed.raw("seq")), len(seq) - 1)
    found = seq[place] == failed.raw("seq")
    result[found] = steps["step"][first][place][found]
    return result


@dataclass(frozen=True)
class Onset:
    """Something that began during the judged part."""

    what: str
    at_s: float


def onsets(scene: Scene) -> tuple[Onset, ...]:
    """When each class of failure, and each dependency's own refusals, began: the first of the first 10 s that hold
    at least three of them (and 1 % of that stretch's requests). Earliest first."""
    found = []
    view = scene.judged
    for outcome in np.unique(view.outcome[view.outcome != Outcome.OK]):
        if outcome not in _OUTCOMES:
            continue
        at = began(view.due_s, view.outcome == outcome)
        if at is not None:
            found.append(Onset(_PLURALS[Outcome(int(outcome))], at))
    if scene.evidence.calls is not None:
        found += _call_onsets(scene.evidence.calls, scene)
    return tuple(sorted(found, key=lambda onset: onset.at_s))


def _call_onsets(calls: Calls, scene: Scene) -> list[Onset]:
    found = []
    start = min((s.start_s for s in scene.segments), default=0.0)
    for k, name in enumerate(calls.names):
        mine = (calls.name == k) & (calls.started_s >= start) & (calls.started_s < scene.until_s)
        order = np.argsort(calls.started_s[mine], kind="stable")
        started, status = calls.started_s[mine][order], calls.status[mine][order]
        for what, bad in (
            (f"429s of {name}", status == 429),
            (f"5xx of {name}", status >= 500),
            (f"unanswered calls of {name}", status == 0),
        ):
            at = began(started, bad)
            if at is not None:
                found.append(Onset(what, at))
    return found


def began(moments: np.ndarray, bad: np.ndarray) -> float | None:
    """The first of the first 10 s that hold at least three bad ones (and 1 % of that stretch's); None where none do.
    `moments` in seconds, ascending."""
    if not bad.any():
        return None
    bins = np.floor((moments - moments[0]) / BIN_S).astype(np.int64)
    bad_count, count = np.bincount(bins[bad], minlength=bins[-1] + 1), np.bincount(bins)
    full = np.flatnonzero((bad_count >= _ONSET_COUNT) & (bad_count >= 0.01 * count))
    return float(moments[bad & (bins == full[0])][0]) if len(full) else None


def left_limit_s(slo: Slo, scene: Scene) -> float | None:
    """The first of the 10 s in which the share of bad requests was surely above the allowed one (99 %, on its own)."""
    if slo.kind is Kind.MEAN:
        return None
    try:
        found = sample(slo, scene, scene.judged)
    except NoSample:
        return None
    due = found.view.due_s
    bins = np.floor((due - due[0]) / BIN_S).astype(np.int64)
    count, bad = np.bincount(bins), np.bincount(bins[found.bad], minlength=bins[-1] + 1)
    for k in np.flatnonzero(bad > slo.allowed_share * count):
        if lower_share(bad[k] / count[k], float(count[k]), _SURE) > slo.allowed_share:
            return float(due[found.bad & (bins == k)][0])
    return None


def first_cause(scene: Scene, slos: Sequence[Slo], checks: Sequence[Check]) -> str:
    """`429s of llm/primary began 40 s before ttft left its limit`; empty where nothing left its limit."""
    lefts = [
        (at, slo)
        for slo, check in zip(slos, checks, strict=True)
        if check.state is State.MISSED and (at := left_limit_s(slo, scene)) is not None
    ]
    if not lefts:
        return ""
    left_s, slo = min(lefts, key=lambda pair: pair[0])
    name = slo.metric
    own = {_PLURALS[Outcome.parse(slo.metric)]} if slo.metric in {o.label for o in _PLURALS} else set()
    causes = [onset for onset in onsets(scene) if onset.at_s <= left_s + BIN_S and onset.what not in own]
    if not causes:
        return f"{name} left its limit at {left_s:.0f} s; no failure came before it"
    # Of causes within a second of each other the dependency's own word says more than the arrival's.
    near = [onset for onset in causes if onset.at_s <= causes[0].at_s + 1]
    cause = next((onset for onset in near if " of " in onset.what), causes[0])
    ahead = left_s - cause.at_s
    when = f"{ahead:.0f} s before" if ahead >= 1 else "as" if ahead > -1 else f"{-ahead:.0f} s after"
    return f"{cause.what} began at {cause.at_s:.0f} s, {when} {name} left its limit"
