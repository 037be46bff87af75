from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.app import main


@pytest.fixture
def plan(tmp_path: Path) -> str:
    assert main(["init", str(tmp_path), "-t", "chat"]) == 0
    return str(tmp_path / "plan.yaml")


def test_a_dry_run_says_what_would_be_sent(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", plan]) == 0
    out = capsys.readouterr().out
    assert "target       copilot (a mock of this plan), seed 42" in out
    assert "\npeak* " in out


def test_json_is_seeded(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    capsys.readouterr()
    for seed in ("1", "1", "2"):
        assert main(["plan", plan, "--json", "--profile", "smoke", "--seed", seed]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    assert found[0]["use"] != found[2]["use"]
    assert (found[0]["smoke"], found[0]["allowed"]) == (True, True)


def test_the_planned_rates_are_written_for_aiperf_and_read_back(plan: str, tmp_path: Path) -> None:
    assert main(["plan", plan, "--rate-series", str(tmp_path / "rates.json")]) == 0
    points = json.loads((tmp_path / "rates.json").read_text())["points"]
    assert max(point["qps"] for point in points) > 0
    assert main(["forecast", str(tmp_path / "rates.json")]) == 0


def test_a_plan_over_its_limits_is_exit_3_and_a_wrong_one_2(plan: str) -> None:
    assert main(["plan", plan, "--set", "limits.requests=10"]) == 3
    assert main(["plan", plan, "--set", "limits.reqests=10"]) == 2
