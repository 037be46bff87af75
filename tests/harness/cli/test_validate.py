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


def test_each_kind_of_file_is_known_by_its_fields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "slo.yaml").write_text("slos: [errors < 1%]\n")
    (tmp_path / "launch.yaml").write_text("seats: 2000\nsessions_per_day: 2\nrequests_per_session: 5\n")
    (tmp_path / "plan.yaml").write_text(GOOD)
    drill = "title: An outage\nplan: plan.yaml\nfaults: [{on: llm, fault: error, status: 503, for: 300s}]\n"
    drill += "load: {rate: 5/s}\nexpect: {recovered: {within: 20s}}\n"
    (tmp_path / "drill.yaml").write_text(drill)
    (tmp_path / "wrong.yaml").write_text(drill.replace("recovered", "recoverd"))
    files = [f"{tmp_path}/{name}.yaml" for name in ("slo", "launch", "plan", "drill", "wrong")]
    assert main(["validate", "--json", *files]) == 2
    said = json.loads(capsys.readouterr().out)
    assert [(one["kind"], one["ok"]) for one in said] == [
        ("slo", True), ("launch", True), ("plan", True), ("drill", True), ("drill", False),
    ]  # fmt: skip
    assert "did you mean 'recovered'" in said[-1]["problems"][0]["what"]


@pytest.mark.parametrize("text", ["slos: [errors < 1%]\n", "- errors < 1%\n", "seats: 2000\n"])
def test_another_kind_of_file_is_no_plan_and_is_told_so_once(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.yaml").write_text(text)
    assert main(["run", f"{tmp_path}/other.yaml"]) == 2
    told = capsys.readouterr().err
    assert "file, not a plan (" in told
    assert told.count("not a plan") == 1 and "unknown field" not in told
