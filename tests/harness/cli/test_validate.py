from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.app import main

GOOD = "target: http://127.0.0.1:80\njourneys: {chat: {}}\n"
GOOD += "segments: [{phase: peak, hold: 1/s, for: 1m}]\nslos: [errors < 1%]\n"


def test_a_good_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text(GOOD)
    assert main(["validate", f"{tmp_path}/plan.yaml"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path}/plan.yaml: ok\n"
    assert captured.err == ""


def test_the_plan_in_this_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plan.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert main(["validate"]) == 0


def test_problems_on_stderr_with_caret_and_count_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text(GOOD + "smok: true\ndeadlin: 1s\n")
    assert main(["validate", f"{tmp_path}/plan.yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path}/plan.yaml: 2 problems\n"
    assert captured.err.startswith(
        f"{tmp_path}/plan.yaml:5:1: smok: unknown field, did you mean 'smoke'?\n    smok: true\n    ^\n"
    )


def test_json_holds_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text(GOOD + "smok: true\n")
    assert main(["validate", "--json", f"{tmp_path}/plan.yaml"]) == 2
    (one,) = json.loads(capsys.readouterr().out)
    assert one["ok"] is False
    assert (one["problems"][0]["line"], one["problems"][0]["column"]) == (5, 1)


def test_a_set_is_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text(GOOD)
    assert main(["validate", f"{tmp_path}/plan.yaml", "--set", "deadline=5"]) == 2
    assert "--set deadline=5: deadline: 5 has no unit" in capsys.readouterr().err


def test_a_secret_in_a_plan_is_not_echoed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text(GOOD + 'headers: {Authorization: "Bearer s3cretvalue99"}\n')
    for arguments in (["validate"], ["validate", "--json"]):
        assert main([*arguments, f"{tmp_path}/plan.yaml"]) == 2
        captured = capsys.readouterr()
        assert "s3cretvalue99" not in captured.out + captured.err
