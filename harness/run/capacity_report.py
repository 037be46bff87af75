"""The verdict of a capacity search: its bracket against the forecast peak, told over the rows of its proven step."""

from __future__ import annotations

import json
import math
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import COMMAND, store
from harness.analysis import Bottleneck, Capacity, Verdict, Word
from harness.analysis.bottleneck import SUSPECTED, confirmed
from harness.analysis.capacity import Trial, bracket, capacity_of
from harness.errors import EvidenceError, Problem
from harness.report import Report, SearchStep, html
from harness.run import manifest as stored
from harness.run.capacity import (
    Audience,
    Effort,
    Searching,
    begin,
    capacity_estimate,
    go_on,
    read_search,
    resume,
    state_of,
    suspecting,
)
from harness.run.inputs import Inputs
from harness.run.judging import judge_run, verdict_document


def is_search(folder: store.RunFolder) -> bool:
    return (folder.path / "capacity.json").exists()


def capacity_report(folder: store.RunFolder, *, keep: bool = True) -> Report:
    """The report of the search in `folder`, finished or not; with `keep`, writes verdict.json and report.html.

    Raises EvidenceError where no step of it was run yet.
    """
    searching = read_search(folder)
    if not searching.record:
        what, advice = "no step of this search was run to its end", f"{COMMAND} capacity PLAN --resume {folder.path}"
        raise EvidenceError(Problem(what, advice, str(folder.path)))
    manifest = stored.read_manifest(folder)
    chosen = _telling(searching.record)
    told = judge_run(_step_folder(searching, chosen), keep=False)
    verdict = _verdict(searching, told.verdict, manifest["forecast_peak"], _suspects(searching))
    run = replace(
        told.run,
        run_id=folder.run_id,
        repeat=manifest["repeat"],
        plan_text=folder.plan.read_text("utf-8") if folder.plan.exists() else "",
        report_path=str(folder.report),
        partial="" if searching.ended else "the search was cut off; --resume goes on with it",
    )
    report = replace(told, verdict=verdict, run=run, search=_steps(searching))
    if keep:
        document = {**verdict_document(report), "search": state_of(searching)}
        store.write_text(folder.verdict, json.dumps(document, indent=2, allow_nan=False) + "\n")
        store.write_text(folder.report, html(report))
    return report


def _telling(record: list[Trial]) -> int:
    """The step whose rows tell the story: the proven one, the longest of them; else the lowest that failed; else the
    last."""
    proven, disproven = bracket(record)
    if proven is not None:
        passed = [k for k, o in enumerate(record) if o.passed and o.offered_rate == proven]
        return max(passed, key=lambda k: record[k].duration_s)
    if disproven is not None:
        return next(k for k, o in enumerate(record) if o.failed and o.offered_rate == disproven)
    return len(record) - 1


def _step_folder(searching: Searching, index: int) -> store.RunFolder:
    return store.RunFolder(searching.folder.path / "steps", searching.steps[index][0])


def _verdict(searching: Searching, told: Verdict, peak: float | None, suspects: tuple[Bottleneck, ...]) -> Verdict:
    found = capacity_of(searching.record, peak)
    word = word_of(searching.record, found)
    # Only a soak that was itself release-grade makes it more than a smoke.
    soaked = word is Word.PASS and not told.smoke
    return replace(
        told,
        word=word,
        smoke=not soaked,
        capacity=found,
        headroom=found.headroom,
        headline=headline(word, found),
        why=_why(searching, found),
        reasons=(),
        bottleneck=suspects,
    )


def word_of(record: list[Trial], found: Capacity) -> Word:
    """PASS where the peak (or, without one, any rate) is proven; FAIL where it is disproven; INVALID where every step
    was spoiled."""
    peak = found.forecast_peak
    if all(o.word is Word.INVALID for o in record):
        return Word.INVALID
    if found.proven is not None and found.proven >= (peak or 0.0):
        return Word.PASS
    if found.disproven is not None and (found.disproven <= peak if peak else found.proven is None):
        return Word.FAIL
    return Word.INCONCLUSIVE


def headline(word: Word, found: Capacity) -> str:
    """The bracket as a sentence."""
    if word is Word.INVALID:
        return "no step could be trusted: fix the run, then search again"
    proven = "no rate is proven" if found.proven is None else f"{found.proven:.3g}/s is proven"
    disproven = "none is disproven" if found.disproven is None else f"{found.disproven:.3g}/s is disproven"
    peak = found.forecast_peak
    return f"{proven}, {disproven}" + (f" (forecast peak {peak:.3g}/s)" if peak else "")


def _why(searching: Searching, found: Capacity) -> str:
    words = [trial.word for trial in searching.record]
    counts = ", ".join(f"{words.count(word)} {word.value}" for word in Word if word in words)
    parts = [f"{len(words)} steps ({counts})", searching.ended or "cut off before its end"]
    if found.proven is not None and found.disproven is not None:
        parts.append(f"the bracket is within x{found.disproven / found.proven:.2f}")
    return "; ".join(parts)


def _steps(searching: Searching) -> tuple[SearchStep, ...]:
    listed = [
        _line(trial, trial.stage.value, why, name)
        for trial, (name, why) in zip(searching.record, searching.steps, strict=True)
    ]
    listed += [_line(r.trial, "relief", f"{r.name} relieved: {r.to}", r.folder) for r in searching.relieved]
    return tuple(listed)


def _line(trial: Trial, stage: str, why: str, folder: str) -> SearchStep:
    stopped = " (stopped)" if trial.aborted else ""
    return SearchStep(
        stage=stage,
        rate=trial.offered_rate,
        word=trial.word.value,
        duration_s=trial.duration_s,
        bad_share=trial.bad_share,
        allowed_share=trial.allowed_share,
        why=why + stopped,
        folder=f"steps/{folder}",
    )


def _suspects(searching: Searching) -> tuple[Bottleneck, ...]:
    """The suspects of the lowest rate that failed and has any, each with what its relief run showed; confirmed ones
    first."""
    telling = suspecting(searching)
    if telling is None:
        return ()
    _, suspects = telling
    before = capacity_estimate(searching.record)
    tried = {relieved.name: relieved for relieved in searching.relieved}
    found = []
    for suspect in suspects:
        relieved = tried.get(suspect.name)
        if relieved is None or before is None or not math.isfinite(before):
            found.append(suspect)
        elif relieved.trial.passed:
            found.append(confirmed(suspect, before, relieved.trial.offered_rate))
        else:
            said = f"relief run ({relieved.to}): {relieved.trial.offered_rate:.1f}/s is {relieved.trial.word.value}"
            found.append(replace(suspect, evidence=(*suspect.evidence, f"{said}: not confirmed")))
    return tuple(sorted(found, key=lambda suspect: suspect.status == SUSPECTED))


def search_document(report: Report, folder: store.RunFolder) -> dict[str, Any]:
    """verdict.json of a search: the verdict and, beside it, every step."""
    return {**verdict_document(report), "search": state_of(read_search(folder))}


@dataclass(frozen=True)
class FoundCapacity:
    """A search that came to its end, or was cut off by a person. `report` is None where no step was finished."""

    folder: store.RunFolder
    report: Report | None
    interrupted: bool


def search_capacity(inputs: Inputs, root: Path, effort: Effort, run: Path | None, audience: Audience) -> FoundCapacity:
    """Search the capacity of `inputs`' target under `root`, or go on with the search in `run`, and judge the whole.

    Raises UsageError or RefusedError before any load.
    """
    started, token = datetime.now(UTC), secrets.token_hex(8)
    searching = begin(inputs, root, effort, started, token) if run is None else resume(inputs, run, effort)
    interrupted = go_on(searching, inputs, audience)
    report = capacity_report(searching.folder) if searching.record else None
    return FoundCapacity(searching.folder, report, interrupted)
