from __future__ import annotations

from dataclasses import replace

import pytest

from harness.report import Report, drill_html, drill_summary
from harness.report.plain import line
from tests.harness.report.drilled import CASES, CLEAR, reported

SAID = {
    "held": "HELD",
    "missed": "DID NOT HOLD",
    "not_run": "NOT RUN",
    "invalid": "INVALID",
    "not_rolled_back": "INVALID",
}


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", [*CASES, "hostile"])
def test_it_fits_and_says_the_word_and_the_code(reports: dict[str, Report], name: str, width: int) -> None:
    report = reported(reports, name)
    text = drill_summary(report, width)
    prose = [row for row in text.splitlines() if not row.startswith((" repeat ", " clear it "))]
    assert max(map(len, prose)) <= width
    assert line(report.run.repeat, 900) in text, "a command is one line, to be copied"
    assert "\x1b" not in text and text.isprintable() is False and all(c.isprintable() or c == "\n" for c in text)
    if name in SAID:
        assert f" RESULT      {SAID[name]}: " in text
    assert f" exit        {int(report.verdict.exit_code)}\n" in text


def test_a_fault_that_may_still_be_active_has_the_last_word(reports: dict[str, Report]) -> None:
    text = drill_summary(reported(reports, "not_rolled_back"))
    assert text.index("FAULT MAY STILL BE ACTIVE") > text.index("repeat")
    assert CLEAR in text and " exit        97\n" in text


def test_what_happened_before_the_load_has_no_time_on_its_clock(reports: dict[str, Report]) -> None:
    """A Ctrl-C while the workers warm up stands in the journal before the run's first second."""
    report = replace(reported(reports, "not_run"), journal=((float("-inf"), "stopped by SIGINT"),))
    assert " before    stopped by SIGINT\n" in drill_summary(report)
    page = drill_html(report)
    assert page.index("stopped by SIGINT") < page.index("baseline, 20.0 s")
