"""Secrets planted wherever a person may put one by mistake: none comes out of any command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.cli.app import main

CANARIES = [f"c4n4ry{index:02d}Zq9xW7kLmN3p" for index in range(30)]
GOOD = "journeys: {chat: {}}\nsegments: [{phase: peak, hold: 1/s, for: 1m}]\nslos: [errors < 1%]\n"
PLANTS = [
    "target: http://user:{}@127.0.0.1:1\n",
    "target: http://{}@127.0.0.1:1\n",
    "target: http://127.0.0.1:1/v1?api_key={}\n",
    'headers: {{Authorization: "Bearer {}"}}\n',
    "headers: {{x-api-key: {}}}\n",
    "headers: {{Cookie: session={}}}\n",
    "api_key: {}\n",
    "openai_api_key: {}\n",
    "password: {}\n",
    "token: {}\n",
    "headers: {{Authorization: [Bearer {}]}}\n",
    "title: sk-{}\n",
    "titel: sk-{}\n",
    "journeys: {{chat: {{headers: {{api-key: {}}}}}}}\n",
    "limits: {{cost: sk-{}}}\n",
]


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("command", ["validate", "plan", "doctor"])
def test_a_secret_in_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str], plant: str, command: str) -> None:
    canary = CANARIES[PLANTS.index(plant)]
    line = plant.format(canary)
    lines = {
        name: text for text in (GOOD + "target: http://127.0.0.1:1\n").splitlines() for name in [text.split(":")[0]]
    }
    lines[line.split(":")[0]] = line.rstrip()
    path = tmp_path / "plan.yaml"
    path.write_text("\n".join(lines.values()) + "\n")
    for more in ([], ["--json"]):
        main([command, str(path), *more])
        captured = capsys.readouterr()
        assert canary not in captured.out + captured.err


@pytest.mark.parametrize(
    "assignment",
    ["headers.Authorization=Bearer {}", "target=http://u:{}@127.0.0.1:1", "headers={{x-api-key: {}}}", "api_key={}"],
)
def test_a_secret_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], assignment: str) -> None:
    canary = CANARIES[-1]
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD + "target: http://127.0.0.1:1\n")
    for command in ("validate", "plan", "doctor"):
        main([command, str(path), "--set", assignment.format(canary)])
        captured = capsys.readouterr()
        assert canary not in captured.out + captured.err


def test_a_secret_in_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = CANARIES[-2]
    monkeypatch.setenv("KEY", canary)
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD + 'target: http://127.0.0.1:1\nheaders: {Authorization: "Bearer ${env:KEY}"}\n')
    for command in ("validate", "plan", "doctor"):
        main([command, str(path)])
        captured = capsys.readouterr()
        assert captured.out
        assert canary not in captured.out + captured.err
    assert os.environ["KEY"] == canary
