"""Typical mistakes, from the command line: one clear line, the right exit code, nothing half-written."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.cases import write_plan

pytestmark = pytest.mark.e2e


def peakproof(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from harness.cli.app import main; sys.exit(main())"]
    return subprocess.run([*command, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_a_missing_plan(tmp_path: Path) -> None:
    done = peakproof("run", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 2 and "nowhere.yaml" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_unknown_key(tmp_path: Path) -> None:
    plan = write_plan(tmp_path)
    plan.write_text(plan.read_text().replace("deadline:", "dedline:"))
    done = peakproof("run", "plan.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "plan.yaml:" in done.stderr and "did you mean 'deadline'" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_dead_target(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    plan = write_plan(tmp_path)
    text = plan.read_text().replace("target: copilot", f"target: http://127.0.0.1:{port}")
    plan.write_text(text[: text.index("upstreams:")] + text[text.index("degraded:") :])
    done = peakproof("run", "plan.yaml", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert f"{port}" in done.stderr
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        plan = write_plan(tmp_path)
        plan.write_text(plan.read_text().replace("{mock: qdrant}", f"{{mock: qdrant, port: {port}}}"))
        done = peakproof("run", "plan.yaml", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert f"{port}" in done.stderr


def test_a_host_that_nobody_owned_up_to(tmp_path: Path) -> None:
    plan = write_plan(tmp_path)
    text = plan.read_text().replace("target: copilot", "target: http://192.0.2.1\nallow_hosts: [192.0.2.1]")
    plan.write_text(text[: text.index("upstreams:")] + text[text.index("degraded:") :])
    done = peakproof("run", "plan.yaml", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "--i-own-this-target" in done.stderr


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "history.csv"),
        ("timestamp,count\n", "history.csv"),
        ("timestamp,count\n2026-01-01T00:00:00Z,not-a-number\n2026-01-01T00:05:00Z,nor-this\n", "history.csv:2"),
    ],
)
def test_a_history_that_is_none(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "history.csv").write_text(text)
    done = peakproof("forecast", "history.csv", "-o", "peak.json", cwd=tmp_path)
    assert done.returncode == 2 and place in done.stderr, done.stderr
    assert not (tmp_path / "peak.json").exists()


def test_rows_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("due_s,finished_s,outcome\n0.0,0.5,ok\n1.0,0.5,ok\n")
    (tmp_path / "slo.yaml").write_text("slos:\n  - e2e p95 <= 1s\n")
    done = peakproof("analyze", "rows.csv", "--slo", "slo.yaml", cwd=tmp_path)
    assert done.returncode in (2, 5), done.stdout
    assert "PASS" not in done.stdout
