from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from harness.report import Report, markdown
from harness.report.markdown import BYTES_MAX, code_span


def test_the_summary_as_written(named_report: tuple[str, Report], golden: Callable[[str, str], None]) -> None:
    name, report = named_report
    golden(f"step-summary-{name}.md", markdown(report))


def test_it_stays_under_60_kb(hostile: Report) -> None:
    many = replace(hostile.verdict, checks=hostile.verdict.checks * 300, caveats=hostile.verdict.caveats * 50)
    text = markdown(replace(hostile, verdict=many))
    assert len(text.encode()) < BYTES_MAX
    assert "none of them worse" in text


def test_hostile_names_make_no_markup(hostile: Report) -> None:
    for part in markdown(hostile).splitlines():
        literal = re.sub(r"`[^`]*`", "", part)
        assert not re.search(r"(?<!\\)<(?!br>)", literal), part
        assert not re.search(r"@\w", literal), part
        assert not re.search(r"(?<!\\)\]\(", literal), part


def test_table_rows_have_their_cells(hostile: Report) -> None:
    rows = [part for part in markdown(hostile).splitlines() if part.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_a_code_span_cannot_be_closed_from_inside() -> None:
    assert code_span("a`b|c\nd") == "`a'b\\|c d`"
    assert code_span("") == "-"
