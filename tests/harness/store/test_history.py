from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.store import RunFolder, create, history, last_good, past_run, trend
from harness.store.history import INDEX_NAME

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def check(slo: str, value: float | str | None, state: str = "MET") -> dict[str, Any]:
    return {
        "slo": slo,
        "gate": "block",
        "state": state,
        "unit": "s",
        "limit": 2.0,
        "value": value,
        "value_low": None,
        "value_high": "inf",
        "n": 900,
    }


def made(root: Path, minutes: int, verdict: str = "PASS", plan: str = "plan.yaml", **facts: Any) -> RunFolder:
    run = create(root, NOON + timedelta(minutes=minutes), f"{minutes}{verdict}{plan}")
    run.write_manifest(
        {
            "started": (NOON + timedelta(minutes=minutes)).isoformat(),
            "plan": plan,
            "plan_hash": f"hash-{plan}",
            "target": "http://127.0.0.1:1",
        }
    )
    if verdict:
        data = {
            "verdict": verdict,
            "exit_code": 0,
            "smoke": True,
            "headline": "h",
            "why": "w",
            "headroom": -0.2,
            "capacity": {"proven": 19.0, "forecast_peak": 24},
            "checks": [check("ttft p95 <= 2s", 1.0 + minutes), check("errors < 1%", "inf", "MISSED")],
        }
        run.write_text(run.verdict, json.dumps(data | facts))
    return run


def test_runs_come_newest_first_and_by_filter(tmp_path: Path) -> None:
    runs = [made(tmp_path, 1), made(tmp_path, 3, "FAIL"), made(tmp_path, 2, plan="other.yaml"), made(tmp_path, 4, "")]
    assert [r.run_id for r in history(tmp_path)] == [runs[i].run_id for i in (3, 1, 2, 0)]
    assert [r.run_id for r in history(tmp_path, limit=2)] == [runs[3].run_id, runs[1].run_id]
    assert [r.run_id for r in history(tmp_path, plan="other.yaml")] == [runs[2].run_id]
    assert [r.run_id for r in history(tmp_path, plan="hash-other.yaml")] == [runs[2].run_id]
    assert [r.run_id for r in history(tmp_path, verdict="FAIL")] == [runs[1].run_id]
    assert history(tmp_path, target="http://elsewhere") == []
    newest, failed = history(tmp_path)[:2]
    assert newest.verdict == "", "it ended before its verdict"
    assert (failed.proven, failed.forecast_peak, failed.headroom, failed.smoke) == (19.0, 24.0, -0.2, True)


def test_the_index_follows_the_folders(tmp_path: Path) -> None:
    first = made(tmp_path, 1)
    assert len(history(tmp_path)) == 1
    first.write_text(first.verdict, json.dumps({"verdict": "INVALID"}))
    assert history(tmp_path)[0].verdict == "INVALID"
    second = made(tmp_path, 2)
    shutil.rmtree(first.path)
    assert [r.run_id for r in history(tmp_path)] == [second.run_id]
    assert trend(tmp_path, "ttft")[0].run_id == second.run_id


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4096, b""])
def test_a_damaged_index_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    run = made(tmp_path, 1)
    history(tmp_path)
    (tmp_path / INDEX_NAME).write_bytes(damage)
    assert [r.run_id for r in history(tmp_path)] == [run.run_id]
    with sqlite3.connect(tmp_path / INDEX_NAME) as index:
        assert index.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    index.close()


def test_an_index_of_another_version_is_made_anew(tmp_path: Path) -> None:
    made(tmp_path, 1)
    index = sqlite3.connect(tmp_path / INDEX_NAME)
    index.executescript("CREATE TABLE runs (a); INSERT INTO runs VALUES (1); PRAGMA user_version = 99;")
    index.close()
    assert len(history(tmp_path)) == 1


def test_a_folder_that_cannot_hold_an_index_still_answers(tmp_path: Path) -> None:
    run = made(tmp_path, 1)
    (tmp_path / INDEX_NAME).mkdir()
    assert [r.run_id for r in history(tmp_path)] == [run.run_id]


def test_what_is_not_a_whole_run_is_left_out(tmp_path: Path) -> None:
    run = made(tmp_path, 1)
    torn = made(tmp_path, 2)
    torn.write_text(torn.verdict, '{"verdict": "PA')
    odd = made(tmp_path, 3, checks="?", capacity=None, headroom="much", verdict_number=1)
    assert {r.run_id for r in history(tmp_path)} == {run.run_id, odd.run_id}
    assert past_run(tmp_path, odd.run_id)[1] == []


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    run = made(tmp_path, 1)
    found, checks = past_run(tmp_path, run.run_id[:3])
    assert found.run_id == run.run_id
    assert [(c.slo, c.value, c.state) for c in checks] == [
        ("ttft p95 <= 2s", 2.0, "MET"),
        ("errors < 1%", float("inf"), "MISSED"),
    ]
    with pytest.raises(UsageError, match="no run 'zzzz!'"):
        past_run(tmp_path, "zzzz!")
    made(tmp_path, 2)
    with pytest.raises(UsageError, match="several runs begin with ''"):
        past_run(tmp_path, "")
    with pytest.raises(UsageError, match="no run '%'"):
        past_run(tmp_path, "%")


def test_a_trend_goes_forward_in_time(tmp_path: Path) -> None:
    for minutes in (3, 1, 2):
        made(tmp_path, minutes)
    made(tmp_path, 9, plan="other.yaml")
    assert [c.value for c in trend(tmp_path, "ttft p95", plan="plan.yaml")] == [2.0, 3.0, 4.0]
    assert [c.value for c in trend(tmp_path, "ttft p95", limit=2)] == [4.0, 10.0]
    assert trend(tmp_path, "TTFT p95' OR 1=1 --") == []


def test_the_last_good_run_is_of_the_same_plan_and_target_and_before(tmp_path: Path) -> None:
    made(tmp_path, 1)
    good = made(tmp_path, 2)
    made(tmp_path, 3, "FAIL")
    made(tmp_path, 4, plan="other.yaml")
    now = made(tmp_path, 5, "FAIL")
    made(tmp_path, 6)
    assert last_good(tmp_path, now) == good
    assert last_good(tmp_path, made(tmp_path, 0)) is None


def test_no_folder_no_history(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder of runs"):
        history(tmp_path / "runs")
