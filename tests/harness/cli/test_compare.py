from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.errors import ExitCode
from tests.harness.run.test_comparing import keep, verdict


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    keep(tmp_path, "good", verdict(1, 0.01))
    keep(tmp_path, "worse", verdict(2, 0.06))
    keep(tmp_path, "alien", verdict(2, 0.06), plan_hash="xyz")
    return tmp_path


@pytest.mark.parametrize(
    ("pair", "code", "says"),
    [
        (("good", "worse"), ExitCode.FAIL, "REGRESSED"),
        (("worse", "good"), ExitCode.PASS, "no regression shown"),
        (("good", "alien"), ExitCode.REFUSED, "plan hash"),
    ],
)
def test_compare_says_it_in_words_and_by_its_exit_code(
    runs: Path, capsys: pytest.CaptureFixture[str], pair: tuple[str, str], code: int, says: str
) -> None:
    assert main(["compare", *pair, "--runs", str(runs)]) == code
    captured = capsys.readouterr()
    assert says in captured.out + captured.err


def test_compare_in_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "good", "alien", "--runs", str(runs), "--anyway", "--json"]) == ExitCode.FAIL
    found = json.loads(capsys.readouterr().out)
    assert found["regressed"] and found["slos"][0]["change"] == "worse"


def test_a_baseline_is_set_shown_and_compared_with(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(runs / "kept.json")
    assert main(["baseline", "set", "good", "--file", file, "--runs", str(runs)]) == 0
    assert main(["baseline", "show", "--file", file]) == 0
    assert "errors" in capsys.readouterr().out
    assert main(["compare", file, "worse", "--runs", str(runs)]) == ExitCode.FAIL


def test_history_lists_shows_and_follows_an_slo(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "list", "--runs", str(runs)]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("good", "worse", "alien"))
    assert main(["history", "list", "--runs", str(runs), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert main(["history", "trend", "errors", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out.count("MET") == 3
    assert main(["history", "show", "worse", "--runs", str(runs)]) == 0
    assert "VERDICT" in capsys.readouterr().out
    assert main(["history", "show", "nobody", "--runs", str(runs)]) == ExitCode.USAGE


def test_history_tells_drills_by_their_own_word_and_which_are_overdue(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "9qw2").mkdir()
    (runs / "9qw2" / "manifest.json").write_text(json.dumps({"started": "2020-01-01T00:00:00+00:00", "plan": "p.yaml"}))
    told = {"title": "A late model", "started": "2020-01-01T00:00:00+00:00", "result": "DID NOT HOLD", "exit_code": 98}
    (runs / "9qw2" / "drill.json").write_text(json.dumps(told))
    asked = {
        "title": "A late model",
        "plan": "plan.yaml",
        "every": "7d",
        "faults": [{"on": "llm", "fault": "latency", "add_ms": 5}],
        "expect": {"recovered": {"within": "5s"}},
    }
    (runs / "9qw2" / "drill.yaml").write_text(json.dumps(asked))
    (runs / "9qw2" / "plan.yaml").write_text("target: http://127.0.0.1:1\n")
    page = runs / "history.html"
    assert main(["history", "list", "--runs", str(runs), "--html", str(page)]) == 0
    out = capsys.readouterr().out
    assert "drill DID NOT HOLD" in out and " of 3 passed" in out, "a drill is no run that failed"
    assert out.rstrip().endswith("d  A late model") and "DID NOT HOLD 2020-01-01, OVERDUE by" in out
    assert "OVERDUE by" in page.read_text() and "drill DID NOT HOLD" in page.read_text()
    assert main(["history", "list", "--runs", str(runs), "--verdict", "PASS"]) == 0
    assert "OVERDUE" not in capsys.readouterr().out
