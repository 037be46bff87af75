"""Rows that some other tool recorded, judged by our rules: the analyzer stands alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness import config, store
from harness.analysis import Evidence, judge, read_foreign
from harness.errors import Problem, UsageError
from harness.report import Report, Run
from harness.run import manifest as stored
from harness.run.inputs import read_text, slos_of
from harness.run.judging import judge_run
from harness.run.planning import JUDGED_BY_DEFAULT, asked_rules


def judge_any(path: Path, slo_path: Path | None, *, smoke: bool) -> Report:
    """The verdict over one of our run folders, by its own promises or others, or over rows of any tool we read."""
    if path.is_dir():
        return _judge_again(path, slo_path, smoke=smoke)
    if slo_path is None:
        raise UsageError(Problem("rows of another tool need promises to be held against", "add --slo slo.yaml"))
    return judge_rows(path, slo_path, smoke=smoke)


def _judge_again(path: Path, slo_path: Path | None, *, smoke: bool) -> Report:
    folder = store.open_run(path)
    if (folder.path / "capacity.json").exists():
        what, advice = "is a capacity search, not one run", "analyze one of its steps, in steps/"
        raise UsageError(Problem(what, advice, str(folder.path)))
    manifest = stored.read_manifest(folder)
    rules = stored.rules_of(manifest)
    if smoke:
        rules = replace(rules, smoke=True)
    if slo_path is None:
        return judge_run(folder, None, rules, keep=False)
    file = config.load_slo_file(slo_path)
    phases = tuple(phase for phase, *_ in manifest["phases"])
    if strange := [name for name in file.verdict.judge_phases if name not in phases]:
        raise UsageError(Problem(f"the run has no phase {strange[0]!r}", f"it has {', '.join(phases)}", str(slo_path)))
    # A run that was looked at while it went pays for all its looks, whatever it is held against afterwards.
    asked = asked_rules(file.verdict, file.verdict.judge_phases or rules.judge_phases, rules.smoke)
    rules = replace(asked, looks=rules.looks)
    return judge_run(folder, slos_of(file), rules, keep=False)


def judge_rows(rows_path: Path, slo_path: Path, *, smoke: bool) -> Report:
    """The verdict over rows of any format that `read_foreign` knows. Raises UsageError with the place of every row or
    promise that cannot be read."""
    file = config.load_slo_file(slo_path)
    rows = read_foreign(read_text(rows_path), str(rows_path))
    phases = tuple(dict.fromkeys(rows.catalog.phases))
    by_default = tuple(name for name in JUDGED_BY_DEFAULT if name in phases) or phases
    rules = asked_rules(file.verdict, file.verdict.judge_phases or by_default, smoke)
    verdict = judge(rows, slos_of(file), rules, Evidence(own_run=False))
    run = Run(
        run_id="",
        target=file.service or rows_path.name,
        repeat=f"peakproof analyze {rows_path} --slo {slo_path}" + (" --smoke" if smoke else ""),
        plan_name=rows_path.name,
        slo_text="\n".join(line.text for line in file.slos),
    )
    return Report(verdict=verdict, run=run, rows=rows, evidence=Evidence(own_run=False))
