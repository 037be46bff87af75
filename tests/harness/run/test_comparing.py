from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.analysis import Tolerance, Verdict, Word, verdict_to_json
from harness.errors import EvidenceError, RefusedError, UsageError
from harness.results import Outcome
from harness.run.comparing import compare_runs, read_side, set_baseline, stored_report
from tests.harness.analysis.worlds import run

FACTS = {
    "plan": "plan.yaml",
    "plan_hash": "abc",
    "target": "http://127.0.0.1:5555",
    "target_name": "copilot",
    "machine": "Linux x86_64, 2 CPUs",
}


def verdict(seed: int, bad_share: float) -> Verdict:
    world = run(seed=seed, judged_s=120)
    bad = (world.array["phase"] == 1) & (world.array["seq"] * 7919 % 1000 < bad_share * 1000)
    return world.fail(bad, Outcome.SERVER_ERROR).judged("errors < 10%")


def keep(root: Path, run_id: str, found: Verdict, **facts: str) -> Path:
    folder = root / run_id
    folder.mkdir(parents=True)
    manifest = {"run_id": run_id, "started": f"2026-11-24T12:00:0{len(list(root.iterdir()))}", **FACTS, **facts}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "verdict.json").write_text(json.dumps(verdict_to_json(found)))
    return folder


def test_a_regression_is_found_by_folder_by_id_and_against_a_baseline(tmp_path: Path) -> None:
    good = keep(tmp_path, "good", verdict(1, 0.01))
    bad = keep(tmp_path, "worse", verdict(2, 0.06), target="http://127.0.0.1:6666")
    assert compare_runs(good, bad, tmp_path, Tolerance(), anyway=False).regressed
    assert not compare_runs(bad, good, tmp_path, Tolerance(), anyway=False).regressed
    assert compare_runs(Path("go"), Path("wor"), tmp_path, Tolerance(), anyway=False).regressed
    file = tmp_path / "kept" / "baseline.json"
    set_baseline(good, tmp_path, file, force=False)
    found = compare_runs(file, bad, tmp_path, Tolerance(), anyway=False)
    assert found.regressed and found.base.name == "baseline good"


@pytest.mark.parametrize(("fact", "says"), [("plan_hash", "plan hash"), ("target_name", "target"), ("machine", "mach")])
def test_unlike_runs_are_refused_unless_told(tmp_path: Path, fact: str, says: str) -> None:
    good = keep(tmp_path, "good", verdict(1, 0.01))
    other = keep(tmp_path, "other", verdict(2, 0.01), **{fact: "another"})
    with pytest.raises(RefusedError, match=f"(?s){says}.*--anyway"):
        compare_runs(good, other, tmp_path, Tolerance(), anyway=False)
    assert not compare_runs(good, other, tmp_path, Tolerance(), anyway=True).regressed


def test_a_run_without_a_whole_verdict_is_no_side(tmp_path: Path) -> None:
    folder = keep(tmp_path, "torn", verdict(1, 0.01))
    (folder / "verdict.json").write_text("{}")
    with pytest.raises(EvidenceError, match="whole verdict"):
        read_side(folder, tmp_path)


def test_a_capacity_search_is_no_baseline_and_a_fail_only_by_force(tmp_path: Path) -> None:
    search = keep(tmp_path, "search", verdict(1, 0.01), kind="capacity")
    with pytest.raises(UsageError, match="capacity"):
        set_baseline(search, tmp_path, tmp_path / "b.json", force=True)
    failed = keep(tmp_path, "failed", verdict(1, 0.3))
    with pytest.raises(UsageError, match="--force"):
        set_baseline(failed, tmp_path, tmp_path / "b.json", force=False)


def test_a_past_run_is_told_as_it_was_judged(tmp_path: Path) -> None:
    keep(tmp_path, "good", verdict(1, 0.01))
    report = stored_report(Path("good"), tmp_path)
    assert report.verdict.word is Word.PASS and report.run.run_id == "good"
