from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.check import check_file
from harness.errors import Problem
from harness.forecast import forecast_peak, generate_history, peak_to_json, read_history

BASE = "target: http://127.0.0.1:80\nslos: [errors < 1%]\n"
SEGMENTS = "segments: [{phase: peak, hold: 1/s, for: 1m}]\n"


def check(folder: Path, more: str, **files: str) -> tuple[Problem, ...]:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    (folder / "plan.yaml").write_text(BASE + more)
    return check_file(folder / "plan.yaml", {}).problems


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("import os\ndef f(:\n", 2, "not Python"),
        ("x = 1\0", 0, "not Python"),
        ("def f():\nreturn 1\n", 2, "not Python"),
    ],
)
def test_a_profile_that_does_not_compile(tmp_path: Path, text: str, line: int, says: str) -> None:
    (problem,) = check(tmp_path, SEGMENTS + "profile: mine.py\n", mine_py=text)
    assert (problem.file, problem.line) == (str(tmp_path / "mine.py"), line)
    assert says in problem.what


def test_a_profile_is_compiled_and_never_run(tmp_path: Path) -> None:
    assert check(tmp_path, SEGMENTS + "profile: mine.py\n", mine_py="raise SystemExit(open('ran', 'w'))\n") == ()
    assert not Path("ran").exists()


def test_prompts_line_by_line(tmp_path: Path) -> None:
    plan = SEGMENTS + "journeys: {chat: {}}\nprompts: prompts.jsonl\n"
    assert check(tmp_path, plan, prompts_jsonl='"one"\n\n{"prompt": "two"}\n{"text": "three"}\n') == ()
    found = check(tmp_path, plan, prompts_jsonl='"one"\n{"promt": "two"}\n[1]\nbare\n')
    assert [problem.line for problem in found] == [2, 3, 4]
    assert "no prompts" in check(tmp_path, plan, prompts_jsonl="\n")[0].what
    assert len(check(tmp_path, plan, prompts_jsonl="bad\n" * 1000)) == 5


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 1, "surprise": 2}', "not json"])
def test_a_forecast_that_is_none(tmp_path: Path, text: str) -> None:
    found = check(tmp_path, "journeys: {chat: {}}\narrivals: {from: peak.json}\n", peak_json=text)
    assert found
    assert all(problem.file == str(tmp_path / "peak.json") for problem in found)


def test_a_true_forecast_is_one(tmp_path: Path) -> None:
    peak = forecast_peak(read_history(generate_history(1, days=14), "history.csv")).peak
    assert check(tmp_path, "journeys: {chat: {}}\narrivals: {from: peak.json}\n", peak_json=peak_to_json(peak)) == ()
