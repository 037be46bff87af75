from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.analysis import Word
from harness.report import Report, summary_text

ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@pytest.mark.parametrize("width", [80, 100])
def test_the_summary_as_drawn(named_report: tuple[str, Report], width: int, golden: Callable[[str, str], None]) -> None:
    name, report = named_report
    text = summary_text(report, width)
    golden(f"summary-{name}-{width}.txt", text)
    assert max(map(len, text.splitlines())) <= width


def test_the_last_lines_say_where_and_how_to_repeat(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    end = summary_text(report, 80).splitlines()[-3:]
    assert report.run.report_path in "".join(end)
    assert report.run.repeat in "".join(end)
    assert re.search(rf"exit +{int(report.verdict.exit_code)}$", end[-1])


def test_a_smoke_pass_says_what_it_cannot_claim(reports: dict[str, Report]) -> None:
    text = summary_text(reports["smoke"])
    assert "PASS (smoke)" in text
    assert "cannot claim" in text
    assert "waived: coverage" in text
    assert "(smoke)" not in summary_text(reports["pass"])


def test_every_verdict_is_a_word_not_a_colour(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    plain, painted = summary_text(report), summary_text(report, color=True)
    assert report.verdict.word.value in plain.splitlines()[0]
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_the_worst_check_comes_first(reports: dict[str, Report]) -> None:
    text = summary_text(reports["fail"])
    assert text.index("✗ errors") < text.index("✗ ttft p95") < text.index("✓ degraded")


def test_broken_gates_are_named_with_advice(reports: dict[str, Report]) -> None:
    text = summary_text(reports["invalid"])
    assert "TRUST      BROKEN" in text
    assert "worker_lost" in text
    assert "run again; see engine/engine.json" in text


def test_a_run_without_any_fact_is_no_good_news(reports: dict[str, Report]) -> None:
    bare = replace(
        reports["pass"].verdict,
        word=Word.INVALID,
        checks=(),
        caveats=(),
        trust=None,
        judged_count=0,
        outcomes={},
        judged=(),
    )
    text = summary_text(Report(bare, reports["pass"].run))
    assert "no SLO was checked" in text
    assert "TRUST      BROKEN" in text
    assert "nothing was judged" in text
    assert "✓" not in text


def test_nothing_a_server_said_reaches_the_terminal(hostile: Report) -> None:
    for width in (60, 80, 100, 200):
        assert not ACTS.search(summary_text(hostile, width))


def test_a_command_to_copy_is_never_cut(reports: dict[str, Report]) -> None:
    long = "peakproof run plans/chat.yaml --seed 42 " + "--set slo.verdict.min_duration=10m " * 4
    report = replace(reports["pass"], run=replace(reports["pass"].run, repeat=long.strip()))
    assert long.strip() in summary_text(report, 80)
