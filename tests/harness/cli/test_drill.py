"""`peakproof drill ...` without any load: what it lists, refuses, says, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.run.drill_stopping import KillSwitch

PLAN = """
target: http://127.0.0.1:1
journeys: {ask: {kind: http, path: /x}}
arrivals: {segments: [{phase: peak, hold: 5/s, for: 5s}]}
slo: {slos: [e2e p95 <= 1s]}
smoke: true
"""
DRILL = """
title: A late model
number: 3
plan: plan.yaml
injector: http://127.0.0.1:1
every: 7d
faults: [{on: llm, fault: latency, add_ms: 5, for: 5s}]
expect: {recovered: {within: 5s}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "drills").mkdir()
    (tmp_path / "drills" / "03-late.yaml").write_text(DRILL.replace("plan.yaml", "../plan.yaml"))
    return tmp_path


def told(folder: Path, started: str, result: str) -> None:
    (folder / "runs" / "7f3k").mkdir(parents=True)
    facts = {"title": "A late model", "started": started, "result": result}
    (folder / "runs" / "7f3k" / "drill.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("result", "says"),
    [("", "OVERDUE: never run"), ("HELD", "HELD 2020-01-01, OVERDUE by"), ("INVALID", "INVALID 2020-01-01, OVERDUE")],
)
def test_the_list_says_what_is_overdue(
    folder: Path, capsys: pytest.CaptureFixture[str], result: str, says: str
) -> None:
    if result:
        told(folder, "2020-01-01T00:00:00+00:00", result)
    arguments = ["drill", "list", str(folder / "drills"), "--runs", str(folder / "runs")]
    assert main(arguments) == 0
    assert says in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["overdue"] and entry["number"] == 3


def test_a_drill_that_cannot_be_read_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "drills" / "04-bad.yaml").write_text("titel: x\n")
    assert main(["drill", "list", str(folder / "drills")]) == 2
    said = capsys.readouterr()
    assert "A late model" in said.out and "04-bad.yaml" in said.err


def test_no_drill_is_running(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = ["--runs", str(folder / "runs")]
    assert main(["drill", "status", *runs]) == 0
    assert "no drill is running" in capsys.readouterr().out
    assert main(["drill", "stop", *runs]) == 3
    assert main(["drill", "stop", "7f3k", *runs]) == 2


def test_one_that_runs_is_shown_and_stopped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "runs" / "7f3k"
    run.mkdir(parents=True)
    why: list[str] = []
    status = {"run_id": "7f3k", "phase": "hold", "faults": ["error on llm"], "target": "http://x", "title": "T"}
    with KillSwitch(run, why.append, lambda: status):
        assert main(["drill", "status", "--runs", str(folder / "runs")]) == 0
        assert "error on llm" in capsys.readouterr().out and not why
        assert main(["drill", "stop", "--runs", str(folder / "runs")]) == 0
        assert "7f3k: load and faults end now (T)" in capsys.readouterr().out and why


def test_a_drill_whose_note_outlived_it_does_not_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "runs" / "7f3k"
    run.mkdir(parents=True)
    (run / "stop.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "token": "t", "pid": 1}))
    assert main(["drill", "stop", "--runs", str(folder / "runs")]) == 3
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["status"], ["rollback"]])
def test_an_injector_that_is_not_there(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", *command, "--injector", "http://127.0.0.1:1"]) == 3
    assert "no injector answers" in capsys.readouterr().err


def test_a_stop_file_refuses_a_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "STOP").touch()
    drill = str(folder / "drills" / "03-late.yaml")
    assert main(["drill", "run", drill, "--runs", str(folder / "runs")]) == 3
    assert "drills are stopped" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["github", "gitlab", "k8s", "crontab", "systemd"])
def test_a_schedule_goes_to_stdout(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    assert main(["drill", "schedule", str(folder / "drills" / "03-late.yaml"), "--emit", kind]) == 0
    assert "03-late.yaml" in capsys.readouterr().out


def test_a_drill_that_is_refused_leaves_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused late: the plan is read, the folder was made, and then the target does not answer."""
    drill = str(folder / "drills" / "03-late.yaml")
    assert main(["drill", "run", drill, "--runs", str(folder / "runs")]) == 3
    assert "127.0.0.1:1" in capsys.readouterr().err
    assert list((folder / "runs").glob("[!.]*/")) == []
