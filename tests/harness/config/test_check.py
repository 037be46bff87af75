from __future__ import annotations

from pathlib import Path

from harness.config.check import check_file

PLAN = """\
target: http://127.0.0.1:80
journeys: {chat: {}}
segments: [{phase: peak, hold: 1/s, for: 1m}]
slos: [errors < 1%]
headers: {Authorization: "Bearer ${env:KEY}"}
"""


def test_every_profile_of_a_plan_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN + "profiles: {ci: {smok: true}, other: {deadlin: 1s}}\n")
    checked = check_file(path, {})
    assert [p.what.split(":")[0] for p in checked.problems] == ["smok", "deadlin"]
    assert checked.to_json()["ok"] is False


def test_a_secret_that_is_not_set_is_a_note(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    assert "KEY is not set" in check_file(path, {}).notes[0]
    assert check_file(path, {"KEY": "x"}).notes == ()


def test_an_slo_file_is_known_by_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "anything.yaml"
    path.write_text("slos: [errors < 1%]\n")
    assert check_file(path, {}).kind == "slo"
    path.write_text("slos: [errors < 1%]\nservce: x\n")
    assert "did you mean 'service'?" in check_file(path, {}).problems[0].what


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert check_file(tmp_path / "none.yaml", {}).problems
