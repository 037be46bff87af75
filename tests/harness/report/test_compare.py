from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.analysis import Capacity, Difference, Identity, Verdict, compare
from harness.report import Report, change_sentences, differences_text
from harness.report.past_page import comparison_html

ALIKE = Identity("h", "t", "m"), Identity("h", "t", "m")


def of(base: Verdict, new: Verdict) -> tuple[Difference, ...]:
    return compare(base, new, ALIKE, anyway=True)


def test_sentences_tell_the_verdict_first_and_name_what_moved(reports: dict[str, Report]) -> None:
    base, new = reports["pass"].verdict, replace(reports["fail"].verdict, capacity=Capacity(proven=19.0))
    sentences = change_sentences(base, new, of(base, new))
    assert sentences[:2] == ("verdict FAIL, was PASS", "proven 19/s, was 24/s")
    assert any(s.startswith("errors: 16 %") and s.endswith("(worse)") for s in sentences)


def test_the_same_run_again_shows_no_change(reports: dict[str, Report]) -> None:
    verdict = reports["pass"].verdict
    (sentence,) = change_sentences(verdict, verdict, of(verdict, verdict))
    assert sentence.endswith("SLOs: no change shown")


def test_the_text_as_drawn(reports: dict[str, Report], golden: Callable[[str, str], None]) -> None:
    sides = reports["pass"].verdict, reports["fail"].verdict
    text = differences_text(of(*sides), ("7f3k", "9qw2"), sides, regressed=True)
    golden("compare-pass-fail.txt", text)
    assert text.rstrip().endswith("REGRESSED")


def test_neither_text_nor_page_lets_anything_act(hostile: Report) -> None:
    sides = hostile.verdict, hostile.verdict
    for said in (
        differences_text(of(*sides), ("\x1b[2J", "b\nc"), sides, regressed=False),
        comparison_html(of(*sides), ("\x1b[2J<script>x</script>", "b\nc"), sides, regressed=False),
    ):
        assert "\x1b" not in said
        assert "<script" not in said


def test_no_secret_comes_out(reports: dict[str, Report]) -> None:
    sides = reports["pass"].verdict, reports["pass"].verdict
    names = ("token=sk-" + "a" * 30, "b")
    assert "sk-aaa" not in differences_text(of(*sides), names, sides, regressed=False)
    assert "sk-aaa" not in comparison_html(of(*sides), names, sides, regressed=False)


def test_the_page_says_what_moved(reports: dict[str, Report]) -> None:
    sides = reports["pass"].verdict, reports["fail"].verdict
    page = comparison_html(of(*sides), ("7f3k", "9qw2"), sides, regressed=True)
    assert "Regressed" in page
    assert "worse" in page
