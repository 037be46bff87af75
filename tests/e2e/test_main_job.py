"""The main job for real: one run that passes, one that must fail, one too thin to tell, one that cannot be trusted."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.results import Catalog, Outcome, read_spools
from tests.e2e.cases import EASY, Running, check_named, judged, start, wait_for, write_plan

pytestmark = pytest.mark.e2e


def test_a_healthy_endpoint_passes(tmp_path: Path) -> None:
    end = judged(tmp_path)
    assert end.words == ("PASS", 0), end.told
    assert end.verdict["smoke"] is True
    assert end.verdict["headroom"] is None, "a hand-written load has no forecast peak to be held against"
    folder = end.run.folder()
    assert json.loads((folder / "verdict.json").read_text()) == end.verdict
    assert "<html" in (folder / "report.html").read_text()
    assert list(folder.glob("engine/worker-0.spool"))


def slow_models(run: Running, *models: str, add_ms: int = 2000) -> None:
    with run.admin() as admin:
        for model in models or ("llm/primary", "llm/fallback"):
            fault = {"on": model, "fault": "latency", "add_ms": add_ms, "ttl_s": 60, "max_total_s": 120, "owner": "e2e"}
            assert admin.post("/faults", json=fault).status_code == 201


def test_a_slow_model_fails(tmp_path: Path) -> None:
    """The system is to blame, and the verdict says so: the model answers two seconds late."""
    end = judged(tmp_path, slow_models, slos=json.dumps(["ttft p95 <= 1500ms", *EASY[1:]]))
    assert end.words == ("FAIL", 99), end.told
    assert check_named(end.verdict, "ttft")["state"] == "MISSED"


def test_too_few_requests_prove_nothing(tmp_path: Path) -> None:
    end = judged(tmp_path, rate=2, seconds=15)
    assert end.words == ("INCONCLUSIVE", 4), end.told
    assert end.verdict["reasons"]
    assert all(c["more_requests"] for c in end.verdict["checks"] if c["state"] == "UNDECIDED")


def kill_a_worker(run: Running) -> None:
    run.wait_fired(60)
    run.engine_workers()[0].send_signal(signal.SIGKILL)


def test_a_killed_worker_spoils_the_measurement(tmp_path: Path) -> None:
    end = judged(tmp_path, kill_a_worker, processes=2)
    assert end.words == ("INVALID", 5), end.told
    assert "workers" in end.verdict["reasons"]
    assert end.verdict["outcomes"]["lost_with_worker"] > 0
    assert sum(end.verdict["outcomes"].values()) == end.verdict["judged_count"], (
        "every planned arrival is accounted for"
    )


def cut_the_quota(run: Running) -> None:
    run.wait_fired(60)
    with run.admin() as admin:
        assert admin.patch("/services/llm/primary", json={"tpm": 600}).status_code == 200


def test_a_quota_cut_shows_as_degraded_mode(tmp_path: Path) -> None:
    """The provider's tokens a minute are cut while the load runs; copilot falls back, and the outcomes say so."""
    end = judged(tmp_path, cut_the_quota, slos=json.dumps([*EASY, "degraded < 1% warn"]))
    assert end.words == ("PASS", 0), end.told
    assert end.verdict["outcomes"]["degraded"] > 100
    assert check_named(end.verdict, "degraded")["state"] == "MISSED", "a warning: it does not move the verdict"
    counts = json.loads((end.run.folder() / "mocks" / "counts.json").read_text())
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


PATIENT = """\
target: llm
journeys: {ask: {kind: chat, model: any}}
headers: {authorization: "${env:MODEL_KEY}"}
arrivals: {seed: 3, segments: [{phase: peak, hold: 60/s, for: 20s}]}
prompts: {sizes: {in: 20, out: 4}}
upstreams: {llm: {mock: openai, preset: hosted-small}}
slo: {slos: [e2e p95 <= 20s]}
deadline: 300s
drain: 300s
smoke: true
"""


def test_a_second_ctrl_c_does_not_wait_for_answers(tmp_path: Path) -> None:
    """As a terminal sends it: to the command and all of its group, twice. The rows so far are kept and judged."""
    (tmp_path / "plan.yaml").write_text(PATIENT)
    run = start(tmp_path / "plan.yaml", group=True, env={"MODEL_KEY": "Bearer e2e"})
    run.wait_fired(10)
    slow_models(run, "llm", add_ms=300_000)
    children = psutil.Process(run.process.pid).children(recursive=True)
    os.killpg(run.process.pid, signal.SIGINT)
    run.wait_fired(600)  # what was not sent has its rows: the load is stopped, and waits for the slow answers
    os.killpg(run.process.pid, signal.SIGINT)
    code, verdict, err = run.finish()
    assert code == 130, err
    assert verdict["verdict"] == "INVALID" and "complete" in verdict["reasons"]
    assert sum(verdict["outcomes"].values()) == verdict["judged_count"]
    rows = read_spools(sorted(run.folder().glob("engine/*.spool")), Catalog(("ask",), ("peak",))).array
    assert np.count_nonzero(rows["outcome"] == Outcome.OK) >= 5
    assert np.count_nonzero(rows["outcome"] == Outcome.NOT_SENT) >= 500
    wait_for(lambda: not any(alive(child) for child in children), 10.0)
    assert (run.folder() / "report.html").exists()


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
