from __future__ import annotations

import json

import pytest

from harness.cli.app import main


@pytest.mark.parametrize("kind", ["plan", "slo", "drill"])
def test_a_schema_goes_to_stdout(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    assert main(["schema", kind]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == f"peakproof {kind} file"


def test_an_unknown_kind_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "paln"]) == 2
    assert "kinds: plan, slo" in capsys.readouterr().err
