"""The main job for real: one run that passes, one that must fail, one too thin to tell, one that cannot be trusted."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil
import pytest

from tests.e2e.cases import EASY, check_named, start, wait_for, write_plan

pytestmark = pytest.mark.e2e


def test_a_healthy_endpoint_passes(tmp_path: Path) -> None:
    run = start(write_plan(tmp_path))
    code, verdict, err = run.finish()
    assert (verdict["verdict"], code) == ("PASS", 0), (verdict["reasons"], err)
    assert verdict["smoke"] is True
    assert verdict["headroom"] is None, "a hand-written load has no forecast peak to be held against"
    folder = run.folder()
    assert json.loads((folder / "verdict.json").read_text()) == verdict
    assert "<html" in (folder / "report.html").read_text()
    assert list(folder.glob("engine/worker-0.spool"))


def test_a_slow_model_fails(tmp_path: Path) -> None:
    """The system is to blame, and the verdict says so: the model answers two seconds late."""
    run = start(write_plan(tmp_path, slos=json.dumps(["ttft p95 <= 1500ms", *EASY[1:]])))
    with run.admin() as admin:
        for model in ("llm/primary", "llm/fallback"):
            fault = {"on": model, "fault": "latency", "add_ms": 2000, "ttl_s": 60, "max_total_s": 120, "owner": "e2e"}
            assert admin.post("/faults", json=fault).status_code == 201
    code, verdict, err = run.finish()
    assert (verdict["verdict"], code) == ("FAIL", 99), (verdict["reasons"], err)
    assert check_named(verdict, "ttft")["state"] == "MISSED"


def test_too_few_requests_prove_nothing(tmp_path: Path) -> None:
    code, verdict, err = start(write_plan(tmp_path, rate=2, seconds=15)).finish()
    assert (verdict["verdict"], code) == ("INCONCLUSIVE", 4), (verdict["reasons"], err)
    assert verdict["reasons"] and all(c["more_requests"] for c in verdict["checks"] if c["state"] == "UNDECIDED")


def test_a_killed_worker_spoils_the_measurement(tmp_path: Path) -> None:
    run = start(write_plan(tmp_path, processes=2))
    run.wait_fired(60)
    run.engine_workers()[0].send_signal(signal.SIGKILL)
    code, verdict, err = run.finish()
    assert (verdict["verdict"], code) == ("INVALID", 5), (verdict["reasons"], err)
    assert "workers" in verdict["reasons"]
    assert verdict["outcomes"]["lost_with_worker"] > 0
    assert sum(verdict["outcomes"].values()) == verdict["judged_count"], "every planned arrival is accounted for"


def test_a_quota_cut_shows_as_degraded_mode(tmp_path: Path) -> None:
    """The provider's tokens a minute are cut while the load runs; copilot falls back, and the outcomes say so."""
    run = start(write_plan(tmp_path, slos=json.dumps([*EASY, "degraded < 1% warn"])))
    run.wait_fired(60)
    with run.admin() as admin:
        assert admin.patch("/services/llm/primary", json={"tpm": 600}).status_code == 200
    code, verdict, err = run.finish()
    assert (verdict["verdict"], code) == ("PASS", 0), (verdict["reasons"], err)
    assert verdict["outcomes"]["degraded"] > 100
    assert check_named(verdict, "degraded")["state"] == "MISSED", "a warning: it does not move the verdict"
    counts = json.loads((run.folder() / "mocks" / "counts.json").read_text())
    assert counts["llm/primary"]["by_status"]["429"] > 0
    assert counts["llm/fallback"]["requests"] > 100


def test_a_dead_dependency_of_ours_ends_as_what_it_is(tmp_path: Path) -> None:
    """The mocks (with copilot) die during the run: the rows so far are kept, and it is never a PASS."""
    run = start(write_plan(tmp_path))
    run.wait_fired(60)
    mocks = [
        child
        for child in psutil.Process(run.process.pid).children(recursive=True)
        if "mock_services" in child.cmdline() or "mock_services.copilot" in child.cmdline()
    ]
    for child in mocks:
        child.kill()
    code, verdict, err = run.finish()
    assert verdict["verdict"] in ("FAIL", "INVALID"), (verdict["reasons"], err)
    assert code in (99, 5)
    assert verdict["outcomes"]["ok"] > 0 and verdict["outcomes"]["refused"] > 0


def test_ctrl_c_keeps_what_was_measured_and_leaves_no_process(tmp_path: Path) -> None:
    run = start(write_plan(tmp_path))
    run.wait_fired(60)
    children = psutil.Process(run.process.pid).children(recursive=True)
    assert len(children) >= 4
    run.process.send_signal(signal.SIGINT)
    code, verdict, err = run.finish(within_s=40)
    assert code == 130, err
    assert verdict["verdict"] == "INVALID" and "complete" in verdict["reasons"]
    wait_for(lambda: not any(child.is_running() for child in children), 5.0)
    assert (run.folder() / "report.html").exists()
