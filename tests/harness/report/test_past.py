from __future__ import annotations

from dataclasses import replace

from harness.report import history_text, trend_text
from harness.store import PastCheck, PastRun

RUN = PastRun(
    "7f3k", "2026-11-24T12:00:00+00:00", "plan.yaml", "h", "t", "PASS", True, 0, "h", "w", 24.0, 24.0, 22.5, 0.067
)
CHECK = PastCheck(
    "7f3k", "2026-11-24T12:00:00+00:00", "ttft p95 <= 2s", "block", "MET", "s", 2.0, 1.24, 1.19, 1.31, 900, "PASS"
)


def test_a_line_a_run_and_how_many_passed() -> None:
    text = history_text(
        [
            RUN,
            replace(RUN, run_id="9qw2", verdict="FAIL", smoke=False, headroom=-0.21),
            replace(RUN, verdict="", headroom=None),
        ]
    )
    assert "✓  7f3k  2026-11-24 12:00  PASS (smoke)" in text
    assert "✗  9qw2" in text
    assert "no verdict" in text
    assert text.endswith(" 1 of 3 passed\n")
    assert "no run yet" in history_text([])


def test_a_trend_shows_each_value_with_its_interval() -> None:
    text = trend_text(
        [
            CHECK,
            replace(CHECK, run_id="9qw2", state="MISSED", value=float("inf"), value_high=float("inf")),
            replace(CHECK, state="NO_DATA", value=None, value_low=None),
        ]
    )
    assert "ttft p95 <= 2s   ██ " in text.replace("▇", "█")
    assert "✓ 7f3k   2026-11-24 12:00  MET        1\u202f240 ms [1\u202f190, 1\u202f310]" in text
    assert "✗ 9qw2" in text
    assert "never" in text
    assert "no run" in trend_text([])


def test_names_from_files_steer_no_terminal() -> None:
    text = history_text([replace(RUN, run_id="\x1b[2J", plan="a\nb", verdict="\x07", started="\x1b")])
    text += trend_text([replace(CHECK, slo="\x1b[2J", state="\x07", run_id="\x1b", unit="\x1b")])
    assert "\x1b" not in text
    assert "\x07" not in text
