from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.errors import EvidenceError, RefusedError, UsageError
from harness.store import RunFolder, create, latest, list_runs, only_if_run, open_run

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def made(root: Path, minutes: int = 0, token: str = "a") -> RunFolder:
    folder = create(root, NOON + timedelta(minutes=minutes), token)
    folder.write_manifest({"started": (NOON + timedelta(minutes=minutes)).isoformat()})
    return folder


def test_the_layout_is_that_of_the_architecture(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, "7f3k")
    paths = [
        run.plan, run.slo, run.peak, run.manifest, run.arrivals, run.job, run.catalog, run.engine_facts, run.spool(2),
        run.telemetry(2), run.mocks_config, run.mocks_ready, run.mocks_log, run.mocks_counts, run.verdict, run.report,
    ]  # fmt: skip
    assert [str(p.relative_to(tmp_path / "7f3k")) for p in paths] == [
        "plan.yaml", "slo.yaml", "peak.json", "manifest.json", "arrivals.npy", "engine/job.json", "engine/catalog.json",
        "engine/engine.json", "engine/worker-2.spool", "engine/worker-2.telemetry", "mocks/mocks.json",
        "mocks/ready.json", "mocks/log.jsonl", "mocks/counts.json", "verdict.json", "report.html",
    ]  # fmt: skip


def test_ids_are_short_seeded_and_never_used_twice(tmp_path: Path) -> None:
    runs = [create(tmp_path, NOON, "same") for _ in range(40)]
    assert len({r.run_id for r in runs}) == 40
    assert len(runs[0].run_id) == 4
    assert runs[0].run_id == create(tmp_path / "other", NOON, "same").run_id
    assert all(r.engine.is_dir() and r.mocks.is_dir() for r in runs)


def test_a_root_that_is_full_of_the_same_ids_says_so(tmp_path: Path) -> None:
    for _ in range(64):
        create(tmp_path, NOON, "same")
    with pytest.raises(UsageError, match="no free run id"):
        create(tmp_path, NOON, "same")


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(UsageError, match="runs"):
        create(tmp_path / "runs", NOON, "a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_root_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot make a run folder"):
        create(tmp_path / "runs", NOON, "a")


def test_the_latest_run_is_the_one_that_started_last(tmp_path: Path) -> None:
    runs = [made(tmp_path, minutes) for minutes in (5, 90, 20)]
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "manifest.json").write_text("{")
    assert latest(tmp_path) == runs[1]
    assert [r.run_id for r in list_runs(tmp_path)] == [runs[0].run_id, runs[2].run_id, runs[1].run_id]


def test_no_run_no_latest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        latest(tmp_path / "runs")


def test_a_run_opens_by_its_folder_or_any_file_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(tmp_path)
    run.verdict.write_text("{}")
    run.spool(0).write_bytes(b"")
    for path in (run.path, run.verdict, run.engine, run.spool(0)):
        assert open_run(path) == run
    monkeypatch.chdir(run.path)
    assert open_run(Path()).path == run.path


def test_what_is_not_a_run_says_what_is_there(tmp_path: Path) -> None:
    run = made(tmp_path)
    with pytest.raises(UsageError, match=rf"it holds runs: {run.run_id}"):
        open_run(tmp_path)
    with pytest.raises(UsageError, match=rf"no such run .*{run.run_id}"):
        open_run(tmp_path / "nope")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match=r"holds a manifest\.json"):
        open_run(empty)


def test_spools_come_by_worker_number(tmp_path: Path) -> None:
    run = made(tmp_path)
    for worker in (10, 2, 0):
        run.spool(worker).write_bytes(b"")
        run.telemetry(worker).write_bytes(b"")
    assert [p.name for p in run.spools()] == ["worker-0.spool", "worker-2.spool", "worker-10.spool"]
    assert len(run.telemetries()) == 3


def test_a_manifest_comes_back_whole_and_a_broken_one_says_where(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.write_manifest({"seed": 42, "target": "ü"})
    assert run.read_manifest() == {"run_id": run.run_id, "seed": 42, "target": "ü"}
    run.manifest.write_text('{"a": 1,\n oops}')
    with pytest.raises(EvidenceError, match=r"manifest\.json:2:2: not JSON"):
        run.read_manifest()
    run.manifest.write_bytes(b"\xff{}")
    with pytest.raises(EvidenceError, match="not UTF-8"):
        run.read_manifest()
    run.manifest.write_text("[]")
    with pytest.raises(EvidenceError, match="object"):
        run.read_manifest()
    with pytest.raises(EvidenceError, match="no such file"):
        run.read_json(run.verdict)


def test_numbers_that_json_does_not_know_are_refused(tmp_path: Path) -> None:
    run = made(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        run.write_manifest({"rate": float("nan")})


def test_files_of_a_run_are_written_whole(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.write_text(run.verdict, "{}")
    run.write_bytes(run.report, b"<html>")
    assert (run.verdict.read_text(), run.report.read_bytes()) == ("{}", b"<html>")


@pytest.mark.parametrize("error", [UsageError("no"), RefusedError("no"), OSError(28, "full"), KeyboardInterrupt()])
def test_a_run_that_was_refused_leaves_no_folder(tmp_path: Path, error: BaseException) -> None:
    refused, begun, other = (create(tmp_path, NOON, token) for token in "abc")
    begun.write_text(begun.job, "{}")
    with pytest.raises(type(error)), only_if_run(refused):
        raise error
    with pytest.raises(type(error)), only_if_run(begun):
        raise error
    with pytest.raises(EvidenceError), only_if_run(other):
        raise EvidenceError("not about the start")
    assert not refused.path.exists()
    assert begun.path.exists() and other.path.exists()
