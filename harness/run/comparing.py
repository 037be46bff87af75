"""Two stored runs side by side, and the baseline that a run makes: reads folders and files, decides nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import store
from harness.analysis import (
    Change,
    Difference,
    Identity,
    Tolerance,
    UnlikeRunsError,
    Verdict,
    Word,
    compare,
    verdict_from_json,
)
from harness.errors import EvidenceError, Problem, RefusedError, UsageError
from harness.report import Report, Run, change_sentences
from harness.run.inputs import read_text


@dataclass(frozen=True)
class Side:
    """One of two runs: a run folder or a baseline file."""

    name: str
    verdict: Verdict
    identity: Identity


@dataclass(frozen=True)
class Compared:
    """Two runs and how their SLOs differ, worst first."""

    base: Side
    new: Side
    differences: tuple[Difference, ...]

    @property
    def regressed(self) -> bool:
        """A blocking SLO got worse, or a run that passed is followed by one that fails."""
        blocking = {check.slo for check in self.new.verdict.checks if check.gate == "block"}
        worse = any(d.change is Change.WORSE and d.slo in blocking for d in self.differences)
        return worse or (self.base.verdict.word is Word.PASS and self.new.verdict.word is Word.FAIL)


def compare_runs(base: Path, new: Path, root: Path, tolerance: Tolerance, *, anyway: bool) -> Compared:
    """The run at `new` held against `base` (run folder, run id under `root`, or baseline file).

    Raises RefusedError for runs that are unlike (unless `anyway`), or where one of them measured nothing.
    """
    before, after = read_side(base, root), read_side(new, root)
    try:
        found = compare(before.verdict, after.verdict, (before.identity, after.identity), tolerance, anyway=anyway)
    except UnlikeRunsError as error:
        alike = not before.identity.differences(after.identity)
        advice = "" if alike else "compare runs of one plan, target and machine, or say --anyway"
        raise RefusedError(Problem(str(error), advice)) from None
    return Compared(before, after, found)


def changes_since_good(folder: store.RunFolder, verdict: Verdict) -> tuple[str, ...]:
    """What changed since the last run of the same plan and target that passed, a sentence each; none where there is no
    such run, or where the two cannot be compared (says why)."""
    good = store.last_good(folder.root, folder)
    if good is None:
        return ()
    try:
        before = read_side(good.path, folder.root)
        manifest = folder.read_manifest()
        now = Identity(str(manifest.get("plan_hash", "")), target_name(manifest), str(manifest.get("machine", "")))
        found = compare(before.verdict, verdict, (before.identity, now))
    except (UnlikeRunsError, EvidenceError) as error:
        return (f"not comparable with run {good.run_id}: {error}",)
    return (f"against run {good.run_id}:", *change_sentences(before.verdict, verdict, found))


def read_side(path: Path, root: Path) -> Side:
    """A run or a baseline by what the caller typed. Raises UsageError where it is neither."""
    if path.is_file() and path.suffix == ".json" and not (path.parent / "manifest.json").exists():
        kept = store.baseline_from_text(read_text(path), str(path))
        return Side(f"baseline {kept.run_id}", kept.verdict, Identity(kept.plan_hash, kept.target, kept.machine))
    folder = find_run(path, root)
    manifest = folder.read_manifest()
    identity = Identity(str(manifest.get("plan_hash", "")), target_name(manifest), str(manifest.get("machine", "")))
    return Side(folder.run_id, read_verdict(folder), identity)


def find_run(path: Path, root: Path) -> store.RunFolder:
    """The run that was typed: a folder, or the id (or its unambiguous beginning) of one under `root`."""
    if path.exists() or len(path.parts) != 1:
        return store.open_run(path)
    past, _ = store.past_run(root, path.name)
    return store.RunFolder(root, past.run_id)


def read_verdict(folder: store.RunFolder) -> Verdict:
    """The verdict that the run was given. Raises EvidenceError where there is none or it is not whole."""
    try:
        return verdict_from_json(folder.read_json(folder.verdict))
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        advice = "judge the run again: peakproof report RUN -f json"
        raise EvidenceError(Problem(f"is not a whole verdict: {wrong}", advice, str(folder.verdict))) from None


def target_name(manifest: dict[str, Any]) -> str:
    """What was tested, by a name that lasts: a mock's port is another one in every run."""
    return str(manifest.get("target_name") or manifest.get("target", ""))


def set_baseline(run: Path, root: Path, out: Path, *, force: bool) -> store.Baseline:
    """Write the baseline that `run` makes to `out`. Raises UsageError unless the run passed (see `baseline_of`)."""
    folder = find_run(run, root)
    manifest = folder.read_manifest()
    if manifest.get("kind") == "capacity":
        raise UsageError(Problem("a capacity search is no baseline", "take one of its steps", str(folder.path)))
    kept = store.baseline_of(read_verdict(folder), manifest, force=force)
    store.write_text(out, store.baseline_to_text(kept))
    return kept


def stored_report(run: Path, root: Path) -> Report:
    """What a past run was told, as a report without its rows."""
    folder = find_run(run, root)
    manifest = folder.read_manifest()
    about = Run(
        run_id=folder.run_id,
        target=str(manifest.get("target", "")),
        repeat=str(manifest.get("repeat", "")),
        plan_name=str(manifest.get("plan", "")),
        plan_hash=str(manifest.get("plan_hash", "")),
        report_path=str(folder.report),
    )
    return Report(read_verdict(folder), about)
