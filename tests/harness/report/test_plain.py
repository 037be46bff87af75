from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.plain import csv_cell, line, markdown_text, visible

ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
anything = st.text(st.characters(exclude_categories=()))


@given(anything)
def test_no_character_that_acts_gets_through(text: str) -> None:
    assert not ACTS.search(visible(text))
    assert not re.search(r"[\n\r\t]", line(text))
    visible(text).encode("utf-8")


@given(st.text("abc 19=+-@,;<>\u00e4\u4e2d\u202f", max_size=80))
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_escape_sequences_are_written_out() -> None:
    assert line("\x1b[2Jred\x07 \u202egpj.exe") == r"\x1b[2Jred\x07 \u202egpj.exe"
    assert visible("a\r\nb") == "a\nb"


@given(anything, st.integers(1, 50))
def test_a_line_keeps_its_limit(text: str, limit: int) -> None:
    assert len(line(text, limit)) <= limit


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-2+3", "@SUM(A1)", " =1", "'=1", '"=1', "\t=1", "\uff1dcmd"])
def test_a_formula_is_not_run(cell: str) -> None:
    assert csv_cell(cell).startswith("'")


@pytest.mark.parametrize("cell", ["-1.5", "+3", "1e-9", "-1e-9", "chat", "a=b", ""])
def test_numbers_and_words_are_left_alone(cell: str) -> None:
    assert csv_cell(cell) == cell


@given(anything)
def test_no_cell_begins_as_a_formula(text: str) -> None:
    cell = csv_cell(text)
    if cell.lstrip(' "').startswith(("=", "+", "-", "@")):
        float(cell)  # a plain number, or this raises
    out = io.StringIO()
    csv.writer(out).writerow([cell, "b"])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == [cell, "b"]


@given(anything)
def test_markdown_has_no_markup_left(text: str) -> None:
    out = markdown_text(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>|`\[\]*]", out)
    assert "\n" not in out
    assert not re.search(r"@\w", out)
