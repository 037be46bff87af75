"""From rows to a verdict: gates, warm-up, checks, stability, and the one word they add up to.

INVALID if any gate is broken, unless a FAIL was proven before the first arrival that could not be sent; FAIL if Holm
rejects any check or the run was unstable; PASS only if every blocking check is MET, the run was long enough and
stability is shown; else INCONCLUSIVE (verdict.md, "Overall").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.bottleneck import suspects
from harness.analysis.check import check
from harness.analysis.doubt import BROKEN, NOTED, WAIVED, broken, held
from harness.analysis.evidence import Evidence
from harness.analysis.failures import failure_modes, first_cause
from harness.analysis.gates import hold_gates
from harness.analysis.gates_credentials import KIND as CREDENTIALS
from harness.analysis.gates_foreign import SILENCE
from harness.analysis.measure import NoSample, sample
from harness.analysis.provisioning import Range, caution, needs
from harness.analysis.rules import Rules
from harness.analysis.scene import Scene, Segment, set_scene
from harness.analysis.slo import Kind, Slo
from harness.analysis.steady import SHOWN_EXCESS, Drift, WarmUp, drift, latest_cut_s, warm_up
from harness.analysis.trust import trust
from harness.analysis.verdict import Capacity, Caveat, Check, State, Verdict, Word
from harness.analysis.view import View
from harness.analysis.wording import headline, why
from harness.results import Outcome, Reason, Rows


@dataclass(frozen=True)
class Finding:
    """Everything known about one scene, before the word."""

    scene: Scene
    steady: View
    """The judged rows without the warm-up; a failure is never cut away."""
    checks: tuple[Check, ...]
    caveats: tuple[Caveat, ...]
    drifts: tuple[Drift, ...]
    stability_shown: bool

    @property
    def broken(self) -> tuple[str, ...]:
        return tuple(c.kind for c in self.caveats if c.status == BROKEN)

    @property
    def silent(self) -> bool:
        """A part of the judged time was not measured."""
        return any(c.kind == SILENCE and c.status == NOTED for c in self.caveats)

    @property
    def missed(self) -> tuple[Check, ...]:
        return tuple(c for c in self.checks if c.state is State.MISSED and c.gate == "block")

    @property
    def unstable(self) -> bool:
        return any(d.unstable for d in self.drifts)

    @property
    def failed(self) -> bool:
        return bool(self.missed) or self.unstable


def judge(rows: Rows, slos: Sequence[Slo], rules: Rules, evidence: Evidence) -> Verdict:
    """The verdict over `rows`. Pure: the same arguments give the same verdict, wherever and whenever."""
    whole = examine(set_scene(rows, rules, evidence), slos)
    word, finding = (Word.INVALID, whole) if whole.broken else (_word(whole), whole)
    if word is Word.INVALID:
        proof = _standing_fail(rows, slos, rules, evidence)
        if proof is not None:
            word = Word.FAIL
            finding = replace(proof, caveats=(*whole.caveats, _standing(proof)))
    return _verdict(word, finding, whole, slos)


def _standing(proof: Finding) -> Caveat:
    what = f"proven on the {len(proof.steady)} arrivals due before the first one that could not be sent"
    return Caveat("fail_stands", NOTED, what + "; every gate held until then", at_s=proof.scene.until_s)


def examine(scene: Scene, slos: Sequence[Slo]) -> Finding:
    """Gates, warm-up, checks and stability of one scene."""
    gates = hold_gates(scene, slos)
    if any(c.kind == "possible" and c.status == BROKEN for c in gates):
        # Rows that cannot be are not measured at all.
        return Finding(scene, scene.judged, (), gates, (), stability_shown=False)
    cuts = [warm_up(scene, segment, _deadline_s(scene)) for segment in scene.segments]
    steady = _from(scene, cuts)
    checks = _corrected([check(slo, scene, steady) for slo in slos], scene.rules)
    checks = _slow_starts(checks, slos, scene, cuts)
    drifts, untested = [], False
    for cut in cuts:
        found = drift(scene, cut, scene.rules.fail_alpha)
        untested = untested or found is None
        drifts += [found] if found is not None else []
    shown = bool(drifts) and not untested and all(d.shown for d in drifts)
    caveats = [
        *gates,
        *_warm_up_caveats(cuts, overloaded=any(d.unstable for d in drifts)),
        _scope(scene, slos, checks),
        _coverage(scene),
        *_stability(scene, drifts, shown),
    ]
    notes = [Caveat("note", NOTED, note) for note in scene.evidence.notes]
    return Finding(scene, steady, checks, (*caveats, *notes), tuple(drifts), shown)


def _from(scene: Scene, cuts: Sequence[WarmUp]) -> View:
    """The judged rows from each segment's cut on, and every failure."""
    due = scene.judged.due_s
    keep = ~scene.judged.success
    for cut in cuts:
        keep |= (due >= cut.cut_s) & (due < cut.segment.end_s + 1e-9)
    keep |= ~np.any([s.holds(due) for s in scene.segments], axis=0) if scene.segments else True
    return scene.judged.where(keep)


def _slow_starts(
    checks: tuple[Check, ...], slos: Sequence[Slo], scene: Scene, cuts: Sequence[WarmUp]
) -> tuple[Check, ...]:
    """A cut hides no broken promise: what is met only because more than a cold start was cut away is undecided."""
    capped = [replace(cut, cut_s=min(cut.cut_s, latest_cut_s(scene, cut.segment))) for cut in cuts]
    if capped == list(cuts):
        return checks
    rows, told = _from(scene, capped), []
    for slo, found in zip(slos, checks, strict=True):
        if found.state is State.MET and _beyond(whole := check(slo, scene, rows)):
            much = f"{whole.bad_share:.1%} of requests" if math.isfinite(whole.bad_share) else f"{whole.value:.3g}"
            cut_s = sum(cut.cut_s - cut.segment.start_s for cut in cuts)
            advice = f"met only without the first {cut_s:.0f} s, else {much} beyond it: put a warm-up phase before it"
            found = replace(found, state=State.UNDECIDED, reason="WARM_UP", advice=advice)  # noqa: PLW2901 -- as told
        told.append(found)
    return tuple(told)


def _beyond(found: Check) -> bool:
    """Beyond its limit as measured, whatever the confidence."""
    if found.state is State.MET:
        return False
    return found.state is State.MISSED or math.isnan(found.allowed_share) or found.bad_share > found.allowed_share


def _deadline_s(scene: Scene) -> float:
    deadline = scene.evidence.deadline_s
    if deadline is not None and deadline > 0:
        return deadline
    spent = scene.judged.e2e_s[scene.judged.success]
    return 2 * float(spent.max()) if len(spent) and spent.max() > 0 else 60.0


def _corrected(checks: list[Check], rules: Rules) -> tuple[Check, ...]:
    """Holm over the blocking checks: a miss that does not survive it is undecided."""
    gating = [k for k, c in enumerate(checks) if c.gate == "block" and c.state is not State.NO_DATA]
    standing = True
    for rank, k in enumerate(sorted(gating, key=lambda k: checks[k].p_value)):
        standing = standing and checks[k].p_value < rules.fail_alpha / (len(gating) - rank)
        if checks[k].state is State.MISSED and not standing:
            advice = f"beyond its limit taken alone, not as one of {len(gating)} checks: run longer"
            checks[k] = replace(checks[k], state=State.UNDECIDED, reason="AT_LIMIT", advice=advice)
    return tuple(checks)


def _warm_up_caveats(cuts: Sequence[WarmUp], overloaded: bool) -> list[Caveat]:
    """A queue that only grows never settles either: that is the system's failure, not the run's."""
    caveats = []
    for cut in cuts:
        phase = f"phase {cut.segment.phase}"
        if cut.never and not overloaded:
            advice = "put a warm-up phase before it, or make it longer"
            caveats.append(broken("warm_up", f"{phase} never warmed up: {cut.why}", advice, cut.segment.start_s))
        elif cut.never:
            caveats.append(Caveat("warm_up", NOTED, f"{phase}: {cut.why}: the queue grew all the time"))
        else:
            caveats.append(held("warm_up", f"{phase}: {cut.cut_s - cut.segment.start_s:.1f} s cut as warm-up"))
    return caveats


def _scope(scene: Scene, slos: Sequence[Slo], checks: Sequence[Check]) -> Caveat:
    """No data is never good news."""
    advice = "judge a phase that has requests, and scope SLOs to what runs"
    if not any(slo.gate == "block" for slo in slos):
        return broken("no_data", "no SLO gates this run", "write at least one SLO that is not warn or info")
    if len(scene.judged) == 0:
        return broken("no_data", "no request in the judged phases", advice)
    if not scene.segments:
        return broken("no_data", "the judged phases take no time", advice)
    if without := _phases_without_data(scene):
        return broken("no_data", f"no request in judged phase {', '.join(without)}", advice)
    empty = [c for c in checks if c.state is State.NO_DATA and c.gate == "block"]
    if empty:
        return broken("no_data", "; ".join(f"{c.slo}: {c.reason}" for c in empty), advice)
    return held("no_data", f"every blocking SLO has requests to judge ({len(scene.judged)})")


def _phases_without_data(scene: Scene) -> list[str]:
    """Phases that were to be judged and cannot be, though others can. Of a run seen up to a moment, later phases are
    not missing; rows that name no phase at all are judged whole."""
    if scene.is_part:
        return []
    asked = [name for name in scene.rules.judge_phases if name not in scene.names]
    missing = asked if len(asked) < len(scene.rules.judge_phases) else []
    due = scene.judged.due_s
    return [*missing, *(s.phase for s in scene.segments if not s.holds(due).any())]


def _coverage(scene: Scene) -> Caveat:
    """At least 20 of the longest cycle, and the least duration, as planned, before any cut."""
    rules, judged_s = scene.rules, scene.duration_s
    what = f"{judged_s:.0f} s judged, {rules.needed_s:.0f} s needed (cycles of up to {rules.longest_cycle_s:.0f} s)"
    if judged_s >= rules.needed_s - 1e-6:
        return held("coverage", what)
    if rules.smoke:
        advice = "a smoke run says nothing about slower cycles: collections, caches, autoscaling, quota windows"
        return Caveat("coverage", WAIVED, what, advice)
    return Caveat("coverage", NOTED, what, "run longer, or say that it is a smoke run")


def _stability(scene: Scene, drifts: Sequence[Drift], shown: bool) -> list[Caveat]:
    caveats = []
    for d in drifts:
        growth = f"{d.excess:.2%} [{d.low:.2%}, {d.high:.2%}] of the offered load"
        what = f"phase {d.segment.phase}: requests in flight grew by {growth}"
        if d.unstable:
            caveats.append(Caveat("stability", NOTED, what + ": the system does not keep up", "", d.segment.start_s))
        elif d.shown:
            caveats.append(held("stability", what))
    if not shown and not any(d.unstable for d in drifts):
        what = f"stability not shown: a queue growing by {SHOWN_EXCESS:.0%} of the load cannot be excluded yet"
        caveats.append(Caveat("stability", WAIVED if scene.rules.smoke else NOTED, what, "run longer"))
    return caveats


def _word(finding: Finding) -> Word:
    if finding.failed:
        return Word.FAIL
    met = all(c.state is State.MET for c in finding.checks if c.gate == "block")
    smoke = finding.scene.rules.smoke
    if finding.silent:
        return Word.INCONCLUSIVE
    return Word.PASS if met and (smoke or (_covered(finding) and finding.stability_shown)) else Word.INCONCLUSIVE


def _covered(finding: Finding) -> bool:
    return finding.scene.duration_s >= finding.scene.rules.needed_s - 1e-6


def _standing_fail(rows: Rows, slos: Sequence[Slo], rules: Rules, evidence: Evidence) -> Finding | None:
    """The FAIL proven on the arrivals due before the first `not_sent`, if every gate held until then."""
    finding = before_the_stop(rows, slos, rules, evidence)
    return finding if finding is not None and finding.failed and not finding.broken else None


def before_the_stop(rows: Rows, slos: Sequence[Slo], rules: Rules, evidence: Evidence) -> Finding | None:
    """What the arrivals show that were due before the first `not_sent`; None where each was sent, or none before."""
    array = rows.array
    unsent = array["due_ns"][(array["outcome"] == Outcome.NOT_SENT) & (array["step"] == 0)]
    if len(unsent) == 0:
        return None
    scene = set_scene(rows, rules, evidence, until_s=float(unsent.min()) * 1e-9)
    if not scene.is_part:
        return None  # the look that ended the run came first
    if evidence.stopped_early:
        # Requests that our own stop cut off accuse nobody.
        cut_off = (scene.judged.outcome == Outcome.CANCELLED) & (scene.judged.raw("reason") == Reason.STOPPED)
        scene = replace(scene, judged=scene.judged.where(~cut_off))
    return examine(scene, slos) if len(scene.judged) and scene.segments else None


def _verdict(word: Word, finding: Finding, whole: Finding, slos: Sequence[Slo]) -> Verdict:
    scene, rules = whole.scene, whole.scene.rules
    reasons = _reasons(word, finding, whole)
    impossible = "possible" in whole.broken
    rate = scene.rate
    capacity = _capacity(word, finding, slos, rate)
    cause = "" if impossible or not finding.checks else first_cause(finding.scene, slos, finding.checks)
    counts = np.bincount(scene.judged.outcome, minlength=len(Outcome))
    draft = Verdict(
        word=word,
        smoke=rules.smoke,
        headline="",
        why="",
        reasons=reasons,
        checks=finding.checks,
        caveats=finding.caveats,
        capacity=capacity,
        headroom=capacity.headroom,
        failures=() if impossible else failure_modes(scene),
        outcomes={o.label: int(counts[o]) for o in Outcome if counts[o]},
        bottleneck=()
        if impossible or CREDENTIALS in whole.broken
        else suspects(scene, _bad_seq(finding, slos), whole.caveats),
        provisioning=_provisioning(word, finding, capacity),
        trust=None if impossible else trust(scene),
        first_cause=cause,
        judged=scene.names,
        judged_count=len(scene.judged),
        offered_rate=rate if math.isfinite(rate) else None,
    )
    return replace(draft, headline=headline(draft), why=why(draft))


def _reasons(word: Word, finding: Finding, whole: Finding) -> tuple[str, ...]:
    reasons: list[str] = []
    if word is Word.INVALID or finding is not whole:
        reasons += whole.broken
    if word is Word.FAIL:
        reasons += [c.slo for c in finding.missed] + (["unstable"] if finding.unstable else [])
    if word is Word.INCONCLUSIVE:
        reasons += [c.reason for c in finding.checks if c.gate == "block" and c.state is State.UNDECIDED]
        reasons += ["COVERAGE"] if finding.silent else []
        if not finding.scene.rules.smoke:
            reasons += [] if _covered(finding) else ["COVERAGE"]
            reasons += [] if finding.stability_shown else ["stability_not_shown"]
    return tuple(dict.fromkeys(reasons))


def _bad_seq(finding: Finding, slos: Sequence[Slo]) -> np.ndarray:
    """Arrivals beyond any missed SLO; where the run was unstable and none is beyond one yet, those of the last fifth:
    they are the ones that wait."""
    seqs = []
    for slo, result in zip(slos, finding.checks, strict=False):
        if result.state is State.MISSED and slo.kind is not Kind.MEAN:
            try:
                found = sample(slo, finding.scene, finding.steady)
            except NoSample:
                continue
            seqs.append(found.view.raw("seq")[found.bad])
    if not seqs:
        seqs = [_late_seq(finding.scene, d.segment) for d in finding.drifts if d.unstable]
    return np.unique(np.concatenate(seqs)) if seqs else np.zeros(0, dtype=np.uint32)


def _late_seq(scene: Scene, segment: Segment) -> np.ndarray:
    last = replace(segment, start_s=segment.end_s - segment.duration_s / 5)
    return scene.judged.where(last.holds(scene.judged.due_s)).raw("seq")


def _capacity(word: Word, finding: Finding, slos: Sequence[Slo], rate: float) -> Capacity:
    """One run is one side of the bracket. A FAIL that only throttling (429) explains says what the quota is, not
    what the system can carry."""
    peak = finding.scene.evidence.forecast_peak
    if not math.isfinite(rate) or rate <= 0:
        return Capacity(forecast_peak=peak)
    if word is Word.PASS:
        return Capacity(proven=rate, forecast_peak=peak, busiest_minute=finding.scene.busiest_minute)
    if word is Word.FAIL and (finding.unstable or _fails_without_throttling(finding, slos)):
        return Capacity(disproven=finding.scene.rate, forecast_peak=peak)
    return Capacity(forecast_peak=peak)


def _provisioning(word: Word, finding: Finding, capacity: Capacity) -> tuple[str, ...]:
    """What the forecast peak calls for, where this run proved a rate."""
    evidence = finding.scene.evidence
    if word is not Word.PASS or capacity.proven is None or not evidence.forecast_peak:
        return ()
    mid = evidence.forecast_peak
    low, high = evidence.forecast_peak_range or (0.8 * mid, 1.25 * mid)
    peak = Range(low, mid, high)
    lines = tuple(
        need.line() for need in needs(finding.steady, capacity.proven, peak, evidence.deployment, evidence.prices)
    )
    warned = caution(capacity.proven, peak)
    return (*lines, warned) if warned else lines


def _fails_without_throttling(finding: Finding, slos: Sequence[Slo]) -> bool:
    unthrottled = finding.steady.outcome != Outcome.THROTTLED
    if unthrottled.all():
        return True
    rest = finding.steady.where(unthrottled)
    again = _corrected([check(slo, finding.scene, rest) for slo in slos], finding.scene.rules)
    return any(c.state is State.MISSED and c.gate == "block" for c in again)
