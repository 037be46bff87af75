from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from harness.report import Report, drill_html
from tests.harness.report.drills_on_paper import CASES, NAMED, hostile


class Seen(HTMLParser):
    """The tags and the attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers += [name for name, value in attrs if name.startswith("on") or (value or "").startswith("java")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", NAMED)
def test_the_first_screen_says_the_word_the_title_and_what_to_do(name: str, reports: dict[str, Report]) -> None:
    report = CASES[name](reports["pass"])
    text = Seen(drill_html(report)).text
    head = text[: text.index("Expectations")]
    assert report.verdict.word.value in head and report.drill.title in head and report.verdict.why in head
    assert report.run.repeat in head and report.history in text


def test_each_expectation_stands_with_measurement_and_limit(reports: dict[str, Report]) -> None:
    page = drill_html(CASES["held"](reports["pass"]))
    rows = re.findall(r'data-is="measured">([^<]*)</td><td class="n" data-is="limit">([^<]*)<', page)
    assert rows == [
        ("0.4 s", "within 5 s"),
        ("99.9% [99.6%, 100.0%] of 1190", "&gt;= 99%"),
        ("1.08 x", "&lt;= 1.5"),
        ("4.0 s", "within 20 s"),
    ]


def test_the_fault_is_drawn_into_the_timeline(reports: dict[str, Report]) -> None:
    page = drill_html(CASES["held"](reports["pass"]))
    assert "<svg" in page and "error on llm/primary" in Seen(page).text
    assert "<svg" not in drill_html(CASES["not-run"](reports["pass"]))


def test_a_fault_that_may_still_be_there_is_told_at_once(reports: dict[str, Report]) -> None:
    text = Seen(drill_html(CASES["still-active"](reports["pass"]))).text
    assert text.index("Fault may still be active.") < text.index("Expectations")
    assert "peakproof drill rollback --injector" in text
    assert "Fault may still" not in drill_html(CASES["held"](reports["pass"]))


def test_the_page_is_offline_and_without_script(reports: dict[str, Report]) -> None:
    for name in NAMED:
        page = drill_html(CASES[name](reports["pass"]))
        assert not re.search(r"<(script|link|img|iframe)\b|@import|url\(", page)
        assert not re.search(r"(?:src|href)=\"(?!#)", page)


def test_hostile_names_stay_text(reports: dict[str, Report]) -> None:
    page = drill_html(hostile(reports["pass"]))
    seen, clean = Seen(page), Seen(drill_html(CASES["still-active"](reports["pass"])))
    assert seen.tags <= clean.tags and not seen.handlers
    assert "<script>alert(1)</script>" in seen.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)
    assert len(page) < 400_000
