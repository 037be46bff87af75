from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from harness.report import Report, drill_summary
from tests.harness.report.drills_on_paper import CASES, NAMED, hostile

ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
Golden = Callable[[str, str], None]


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", NAMED)
def test_the_summary_as_drawn(name: str, width: int, reports: dict[str, Report], golden: Golden) -> None:
    text = drill_summary(CASES[name](reports["pass"]), width)
    golden(f"drill-{name}-{width}.txt", text)
    prose = [row for row in text.splitlines() if not row.startswith((" repeat ", " clear it "))]
    assert max(map(len, prose)) <= width, "all but commands, which are to be copied"


@pytest.mark.parametrize("name", NAMED)
def test_the_word_is_a_word_and_not_a_colour(name: str, reports: dict[str, Report]) -> None:
    report = CASES[name](reports["pass"])
    plain, painted = drill_summary(report), drill_summary(report, color=True)
    assert f" RESULT      {report.verdict.word.value}: " in plain
    assert "\x1b[" in painted and re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_a_fault_that_may_still_be_there_is_the_last_block(reports: dict[str, Report]) -> None:
    text = drill_summary(CASES["still-active"](reports["pass"]))
    last = text[text.index(" FAULT MAY STILL BE ACTIVE") :]
    assert "peakproof drill rollback --injector http://127.0.0.1:9000 --owner 'run 7f3k'" in last
    assert " exit        97\n" in text and "NOT CONFIRMED" in text
    assert "ACTIVE" not in drill_summary(CASES["held"](reports["pass"]))


def test_what_to_do_is_told_where_a_weakness_was_found(reports: dict[str, Report]) -> None:
    assert "WHAT TO DO  The commonest outage" in drill_summary(CASES["did-not-hold"](reports["pass"]))
    assert "WHAT TO DO" not in drill_summary(CASES["held"](reports["pass"]))


def test_nothing_measured_shows_no_number(reports: dict[str, Report]) -> None:
    text = drill_summary(CASES["not-run"](reports["pass"]))
    assert "no expectation was measured" in text and "time to degraded" not in text and "LADDER" not in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_nothing_a_server_said_reaches_the_terminal(width: int, reports: dict[str, Report]) -> None:
    assert not ACTS.search(drill_summary(hostile(reports["pass"]), width))
