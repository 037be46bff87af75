from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.analysis import Capacity, State, Word
from harness.report import Report
from harness.report.compare import Move, compare, compare_text


def test_the_same_run_has_no_change(reports: dict[str, Report]) -> None:
    verdict = reports["pass"].verdict
    same = compare(verdict, verdict)
    assert {c.move for c in same.changes} == {Move.NO_CHANGE}
    assert not same.regressed
    assert same.comparable == ""


def test_disjoint_intervals_are_a_move_and_overlapping_ones_are_not(reports: dict[str, Report]) -> None:
    verdict = reports["pass"].verdict
    first = verdict.checks[0]

    def moved(low: float, high: float) -> Move:
        shifted = replace(first, bad_share_low=low, bad_share_high=high)
        return next(
            c for c in compare(replace(verdict, checks=(first,)), replace(verdict, checks=(shifted,))).changes
        ).move

    assert moved(0.0297, 0.05) is Move.WORSE
    assert moved(0.0295, 0.05) is Move.NO_CHANGE
    assert moved(0.0, 0.013) is Move.BETTER
    assert moved(float("nan"), 0.5) is Move.NO_CHANGE


def test_a_check_that_lost_its_data_or_vanished_is_a_regression(reports: dict[str, Report]) -> None:
    verdict = reports["pass"].verdict
    gone = compare(verdict, replace(verdict, checks=verdict.checks[1:]))
    assert gone.changes[0].move is Move.GONE
    assert gone.regressed
    dry = replace(verdict, checks=(replace(verdict.checks[0], state=State.NO_DATA), *verdict.checks[1:]))
    assert compare(verdict, dry).regressed
    assert compare(dry, verdict).changes[0].move is Move.NO_DATA
    warned = replace(verdict, checks=tuple(replace(c, gate="warn") for c in verdict.checks))
    assert not compare(warned, replace(warned, checks=())).regressed


def test_a_fallen_verdict_is_a_regression_even_where_no_check_moved(reports: dict[str, Report]) -> None:
    verdict = reports["pass"].verdict
    for word in (Word.FAIL, Word.INCONCLUSIVE, Word.INVALID):
        assert compare(verdict, replace(verdict, word=word)).regressed


def test_what_cannot_be_compared_says_so(reports: dict[str, Report]) -> None:
    verdict = reports["pass"].verdict
    assert "INVALID" in compare(verdict, reports["invalid"].verdict).comparable
    assert "the load differs" in compare(verdict, replace(verdict, offered_rate=48.0)).comparable


def test_sentences_tell_the_verdict_first(reports: dict[str, Report]) -> None:
    after = replace(reports["fail"].verdict, capacity=Capacity(proven=19.0))
    sentences = compare(reports["pass"].verdict, after).sentences
    assert sentences[0] == "verdict FAIL, was PASS"
    assert sentences[1] == "proven 19/s, was 24"
    assert any(s.endswith("(worse)") for s in sentences)


def test_the_text_as_drawn(reports: dict[str, Report], golden: Callable[[str, str], None]) -> None:
    text = compare_text(compare(reports["pass"].verdict, reports["fail"].verdict), ("7f3k", "9qw2"))
    golden("compare-pass-fail.txt", text)
    assert text.rstrip().endswith("REGRESSED")


def test_hostile_names_stay_on_their_line(hostile: Report) -> None:
    text = compare_text(compare(hostile.verdict, hostile.verdict), ("\x1b[2J", "b\nc"))
    assert "\x1b" not in text
