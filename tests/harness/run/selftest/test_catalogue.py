"""The rows: each with a plan that reads, a name of its own, and a line in docs/lies.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.run import read_inputs
from harness.run.selftest import LIES, Lie, chosen
from harness.run.selftest.catalogue import CORE
from harness.run.selftest.trial import furnish

DOC = Path(__file__).parents[4] / "docs" / "lies.md"


def test_names_are_unique_and_the_core_is_among_them() -> None:
    names = [lie.row for lie in LIES]
    assert len(set(names)) == len(names)
    assert set(names) >= CORE


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.row)
def test_its_plan_reads(lie: Lie, tmp_path: Path) -> None:
    furnish(lie, tmp_path, "http://127.0.0.1:1")
    assert read_inputs(tmp_path / "plan.yaml").load.arrivals.array.size > 0


def test_rows_are_chosen_by_number_or_by_form() -> None:
    assert [lie.row for lie in chosen(["26"])] == ["26a", "26b", "26c", "26d"]
    assert [lie.row for lie in chosen(["26c", "1"])] == ["1", "26c"]
    assert {lie.row for lie in chosen([], core=True)} == CORE
    with pytest.raises(UsageError, match="no row '57'"):
        chosen(["57"])


def test_the_page_speaks_of_all_56_rows_and_of_every_form() -> None:
    page = DOC.read_text()
    rows = re.findall(r"^\| (\d+) \|", page, re.M)
    assert rows == [str(n) for n in range(57)], "56 lies, and row 0, which is none"
    for lie in LIES:
        number = lie.row.rstrip("abcdefgh")
        line = next(text for text in page.splitlines() if text.startswith(f"| {number} |"))
        assert re.search(rf"selftest[^|]*\b{lie.row}\b", line), f"row {lie.row} is not named in its line"
