from __future__ import annotations

import subprocess
from typing import Any

import pytest

from harness.cli.app import main
from harness.errors import ExitCode


@pytest.mark.parametrize("master", ["nowhere", ":5557", "host:", "host:http", "host:0", "host:70000"])
def test_a_master_that_is_no_address_is_refused(capsys: pytest.CaptureFixture[str], master: str) -> None:
    assert main(["worker", "--master", master]) == ExitCode.USAGE
    assert "not a host and a port" in capsys.readouterr().err


@pytest.mark.parametrize(("master", "host"), [("10.0.0.1:5557", "10.0.0.1"), ("[fd00::1]:5557", "fd00::1")])
def test_the_worker_joins_where_it_is_told(monkeypatch: pytest.MonkeyPatch, master: str, host: str) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr("harness.engine.launching.subprocess.run", run)
    assert main(["worker", "--master", master]) == 3
    assert commands[0][-2:] == [host, "5557"]
