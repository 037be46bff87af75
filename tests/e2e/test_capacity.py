"""The long ones, on real processes: a search with its relief run, one that is killed and gone on with, and a run that
is extended. Two minutes each or less; `make capacity-real` runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cases import start

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.environ.get("PEAKPROOF_CAPACITY") != "all", reason="minutes: make capacity-real"),
]

PLAN = """
target: tools
journeys: {call: {kind: tool}}
arrivals:
  seed: 5
  segments:
    - {phase: warm, hold: 40/s, for: 2s}
    - {phase: peak, hold: 40/s, for: 6s}
upstreams: {tools: {mock: tools, settings: {servers: 4, latency_ms: 30, spread: 0.2, queue: 100000}}}
slo: {slos: ["e2e p95 <= 1s", "errors < 5%"]}
deadline: 20s
drain: 20s
smoke: true
"""
"""Four servers of about 31 ms each: 131/s and no more."""
SATURATION = 4 / 0.0306
COMMAND = [sys.executable, "-c", "import sys; from harness.cli.app import main; sys.exit(main())", "capacity"]


def plan(folder: Path, text: str = PLAN) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def search(path: Path, *arguments: str) -> dict[str, Any]:
    command = [*COMMAND, str(path), "--runs", str(path.parent / "runs"), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.stdout.strip(), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_search_brackets_the_saturation_and_relief_confirms_what_broke(tmp_path: Path) -> None:
    found = search(plan(tmp_path), "--short", "--from", "100/s", "--step", "11s", "--budget", "40s")
    capacity = found["capacity"]
    assert capacity["proven"] is not None and capacity["proven"] < SATURATION, found["why"]
    assert capacity["disproven"] is not None and capacity["disproven"] > 0.9 * SATURATION, found["why"]
    assert found["bottleneck"][0]["name"] == "tools" and found["bottleneck"][0]["status"] == "CONFIRMED"


def test_a_search_that_was_killed_goes_on_where_it_stood(tmp_path: Path) -> None:
    path = plan(tmp_path)
    command = [
        *COMMAND,
        str(path),
        "--runs",
        str(tmp_path / "runs"),
        "--from",
        "60/s",
        "--step",
        "11s",
        "--budget",
        "5m",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    steps: list[list[Any]] = []
    deadline = time.monotonic() + 90
    while len(steps) < 1 and time.monotonic() < deadline:
        time.sleep(0.2)
        states = list((tmp_path / "runs").glob("*/capacity.json"))
        steps = json.loads(states[0].read_text())["steps"] if states else []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert steps, "no step came to its end"
    run = next((tmp_path / "runs").glob("*/capacity.json")).parent
    found = search(path, "--resume", str(run), "--budget", "40s")
    assert [name for name, _ in found["search"]["steps"]][: len(steps)] == [name for name, _ in steps]
    assert len(found["search"]["steps"]) > len(steps)


def test_an_undecided_run_goes_on_until_a_look_decides(tmp_path: Path) -> None:
    text = PLAN.replace('slo: {slos: ["e2e p95 <= 1s", "errors < 5%"]}', "")
    text += 'slo: {slos: ["e2e p95 <= 1s", "errors < 1%"], verdict: {extend_up_to: 60s}}\n'
    code, verdict, err = start(plan(tmp_path, text)).finish(within_s=120)
    assert (code, verdict["verdict"]) == (0, "PASS"), (verdict.get("reasons"), err)
    said = [c["what"] for c in verdict["caveats"] if c["kind"] == "note"]
    assert "INCONCLUSIVE" in said[0] and said[-1].endswith("PASS") and len(said) >= 2
    assert not any(c["status"] == "broken" for c in verdict["caveats"])
