from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from harness.cli.app import main

PLAN = "journeys: {chat: {}}\n"
PLAN += "segments: [{phase: peak, hold: 1/s, for: 1m}]\nslos: [errors < 1%]\nlimits: {in_flight: 10}\n"


def test_this_machine_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ready"


def test_a_dead_target_is_exit_3_and_a_live_one_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.yaml"
    with socket.create_server(("127.0.0.1", 0)) as server:
        path.write_text(f"target: http://127.0.0.1:{server.getsockname()[1]}\n{PLAN}")
        assert main(["doctor", str(path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["ready"] is True
    assert main(["doctor", str(path)]) == 3
    assert "no connection to port" in capsys.readouterr().out
