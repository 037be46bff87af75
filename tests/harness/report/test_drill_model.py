from __future__ import annotations

from dataclasses import replace

from harness.drill import Share, Word
from harness.report import Report
from harness.report.drill_model import ACTION, share_words, time_words
from tests.harness.report.drills_on_paper import CASES, GOOD, NEVER, report


def test_the_history_counts_this_run_and_six_before_it(reports: dict[str, Report]) -> None:
    past = ("DID NOT HOLD", "DID NOT HOLD", "HELD", "HELD", "INVALID", "HELD", "HELD")
    assert report(reports["pass"], past=past).history == "held 5 of the last 7"
    assert report(reports["pass"], NEVER).history == "held 0 of the last 1"


def test_every_word_says_what_to_do_now() -> None:
    assert set(ACTION) == set(Word)


def test_the_findings_of_a_drill_that_came_back(reports: dict[str, Report]) -> None:
    found = dict(report(reports["pass"]).findings())
    assert found["time to degraded"] == "0.4 s"
    assert found["time to recover"] == "6.0 s (4.0 s after the last hint ran out)"
    assert found["recovery overshoot"].startswith("1.31 x")


def test_a_recovery_before_the_hint_ran_out_is_no_negative_time(reports: dict[str, Report]) -> None:
    found = dict(report(reports["pass"], replace(GOOD, time_to_recover_s=1.0)).findings())
    assert found["time to recover"] == "1.0 s (0.0 s after the last hint ran out)"


def test_what_never_came_and_what_is_not_known_are_words(reports: dict[str, Report]) -> None:
    found = dict(report(reports["pass"], NEVER).findings())
    assert found["time to degraded"] == "never" and found["silent-degraded"] == "no request"
    assert found["time to recover"] == "never METASTABLE: still degraded at unchanged load"
    assert found["retry amplification"].startswith("- x the baseline")
    assert share_words(Share(0, 0)) == "no request" and time_words(float("inf")) == "never"


def test_nothing_measured_has_no_findings_and_no_ladder(reports: dict[str, Report]) -> None:
    bare = CASES["not-run"](reports["pass"])
    assert not [*bare.findings()] and not [*bare.ladder()]


def test_the_ladder_says_which_signals_nobody_asked_for(reports: dict[str, Report]) -> None:
    assert [*report(reports["pass"]).ladder()] == [
        ("L3", "header x-served-by == fallback", "after 0.4 s"),
        ("L4", "upstream share llm/fallback >= 50%", "after 1.4 s"),
        ("L4", "upstream absent llm/primary >= 50% (found in the upstreams' log)", "after 2.4 s"),
    ]
