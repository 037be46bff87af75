from __future__ import annotations

import json

import pytest

from harness.cli.app import main


def test_one_term(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "TTFT"]) == 0
    assert capsys.readouterr().out.startswith("ttft\n    Time to first token")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "exit-codes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["99"]["topic"] == "exit-codes"


def test_an_unknown_term_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "tfft"]) == 2
    assert "did you mean 'ttft'?" in capsys.readouterr().err
