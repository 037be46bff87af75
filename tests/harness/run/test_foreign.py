from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis import Word
from harness.errors import UsageError
from harness.run.foreign import judge_any

SLO = "slos:\n  - e2e p95 <= 1s\n  - errors < 1%\nverdict: {min_duration: 1m, longest_cycle: 3s}\n"


def rows(count: int, latency_s: float, spacing_s: float = 0.1) -> str:
    """Rows of another tool, in no particular order, with a latency that wanders a little."""
    lines = [
        f"{k * spacing_s:.3f},{k * spacing_s + latency_s * (1 + (k * 7919 % 101) / 500):.4f},ok"
        for k in sorted(range(count), key=lambda k: k * 31 % count)
    ]
    return "due_s,finished_s,outcome\n" + "\n".join(lines) + "\n"


@pytest.fixture
def slo(tmp_path: Path) -> Path:
    path = tmp_path / "slo.yaml"
    path.write_text(SLO)
    return path


@pytest.mark.parametrize(
    ("count", "latency_s", "word"), [(4000, 0.5, Word.PASS), (4000, 2.0, Word.FAIL), (60, 0.5, Word.INCONCLUSIVE)]
)
def test_the_analyzer_stands_alone(tmp_path: Path, slo: Path, count: int, latency_s: float, word: Word) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(rows(count, latency_s))
    report = judge_any(path, slo, smoke=False)
    assert report.verdict.word is word, report.verdict.reasons
    assert any(c.status == "not_fed" for c in report.verdict.caveats), "gates that such rows cannot feed are named"


def test_no_rows_are_never_good_news(tmp_path: Path, slo: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("due_s,finished_s,outcome\n")
    try:
        word = judge_any(path, slo, smoke=True).verdict.word
    except UsageError:
        return
    assert word is Word.INVALID


def test_rows_without_promises_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(rows(10, 0.5))
    with pytest.raises(UsageError, match="--slo"):
        judge_any(path, None, smoke=False)


def test_rows_of_another_tool_are_known_by_their_first_line(tmp_path: Path, slo: Path) -> None:
    head = "metric_name,timestamp,metric_value,check,error,error_code,group,method,name,scenario,status\n"
    points = [
        f"http_req_duration,{1595325560 + k / 10:.3f},{400 + k * 7919 % 101},,,,,GET,u,chat,{200 if k % 9 else 500}\n"
        for k in range(2000)
    ]
    path = tmp_path / "k6.csv"
    path.write_text(head + "".join(points))
    report = judge_any(path, slo, smoke=True)
    assert report.verdict.word is Word.FAIL, report.verdict.reasons
    assert report.verdict.outcomes["server_error"] == 223


def phased(*parts: tuple[str, int, str]) -> str:
    """Rows of several phases, one after the other: (phase, rows, the outcome of every twentieth)."""
    lines, k = [], 0
    for phase, count, outcome in parts:
        for _ in range(count):
            due_s = k * 0.1
            end_s = due_s + 0.2 + (k * 7919 % 101) / 500
            lines.append(f"{due_s:.3f},{end_s:.4f},{outcome if k % 20 == 0 else 'ok'},{phase}")
            k += 1
    return "due_s,finished_s,outcome,phase\n" + "\n".join(lines) + "\n"


def test_quiet_phases_do_not_water_down_the_peak(tmp_path: Path, slo: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(phased(("warm", 30_000, "ok"), ("peak", 4_000, "server_error")))
    assert judge_any(path, slo, smoke=False).verdict.word is Word.FAIL


def test_a_phase_that_was_to_be_judged_and_has_no_rows_is_no_good_news(tmp_path: Path, slo: Path) -> None:
    slo.write_text(SLO.replace("{", "{judge_phases: [peak, soak], "))
    path = tmp_path / "rows.csv"
    path.write_text(phased(("peak", 4_000, "ok")))
    verdict = judge_any(path, slo, smoke=False).verdict
    assert (verdict.word, verdict.reasons) == (Word.INVALID, ("no_data",))
    path.write_text(phased(("peak", 4_000, "ok"), ("soak", 4_000, "ok")))
    assert judge_any(path, slo, smoke=False).verdict.word is Word.PASS


def test_a_blank_outcome_is_not_a_success(tmp_path: Path, slo: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(rows(100, 0.5).replace(",ok\n", ",\n", 1))
    with pytest.raises(UsageError, match="no outcome"):
        judge_any(path, slo, smoke=True)
