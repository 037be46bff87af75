from __future__ import annotations

import re

import pytest

from harness.report import Report, drill_html
from tests.harness.report.drilled import CASES, QUOTA, reported, told


@pytest.mark.parametrize("name", list(CASES))
def test_the_page_says_the_word_what_broke_and_the_drill_itself(reports: dict[str, Report], name: str) -> None:
    report = reported(reports, name)
    page = drill_html(report)
    assert re.search(rf'<h1 class="word"><span class="t-\w+">{report.verdict.word.value}</span>', page)
    broke = page[page.index('id="faults"') : page.index("</section>", page.index('id="faults"'))]
    assert re.search(r"llm/primary.*quota.*tpm: 40%.*>0 s<.*>60 s<", broke, re.S), broke
    assert "  fault: quota\n  tpm: 40%" in page, "its own file, as text"
    assert ("Fault may still be active" in page) is (name == "not_rolled_back")


def test_hostile_text_is_shown_and_does_nothing(reports: dict[str, Report]) -> None:
    page = drill_html(reported(reports, "hostile"))
    body = page[page.index("<body>") :]
    assert "<script" not in body and "onload='" not in body and "<!--" not in body
    assert "&lt;script&gt;" in body
    assert "\x1b" not in page and "\u202e" not in page and "\x00" not in page


def test_a_drill_without_numbers_says_so(reports: dict[str, Report]) -> None:
    page = drill_html(told(reports["invalid"], QUOTA, not_injected="errors 9 %"))
    assert "No expectation was measured" in page and "errors 9 %" in page
