from __future__ import annotations

import csv
import io

import numpy as np

from harness.report import Report, rows_csv
from harness.report.rows_csv import COLUMNS
from harness.results import Outcome, Rows


def table(rows: Rows, steps: bool = False) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(rows_csv(rows, steps)))))


def test_every_arrival_is_a_line_with_exact_times(reports: dict[str, Report]) -> None:
    rows = reports["fail"].rows
    assert rows is not None
    lines = table(rows)
    arrivals = rows.arrivals()
    assert len(lines) == arrivals.size
    assert tuple(lines[0]) == COLUMNS
    assert [int(float(line["seq"])) for line in lines] == arrivals["seq"].tolist()
    due = [int(line["due_s"].replace(".", "")) for line in lines]
    assert due == arrivals["due_ns"].tolist()
    blank = [line["first_token_s"] == "" for line in lines]
    assert blank == (arrivals["first_token_ns"] < 0).tolist()
    assert [Outcome.parse(line["outcome"]) for line in lines] == arrivals["outcome"].tolist()


def test_steps_only_on_demand(reports: dict[str, Report]) -> None:
    rows = reports["pass"].rows
    assert rows is not None
    array = rows.array[:10].copy()
    array["step"][5:] = 1
    both = Rows(array, rows.catalog)
    assert len(table(both)) == 5
    assert len(table(both, steps=True)) == 10


def test_no_cell_is_a_formula(hostile: Report) -> None:
    assert hostile.rows is not None
    array = hostile.rows.array.copy()
    array["tenant"] = np.arange(array.size) % 9
    array["served_by"], array["degraded"] = 1, 1
    for line in table(Rows(array, hostile.rows.catalog)):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in line.values())


def test_numbers_beyond_the_catalog_are_shown_as_numbers(reports: dict[str, Report]) -> None:
    rows = reports["pass"].rows
    assert rows is not None
    array = rows.array[:1].copy()
    array["journey"], array["outcome"], array["reason"] = 200, 99, 60
    line = table(Rows(array, rows.catalog))[0]
    assert (line["journey"], line["outcome"], line["reason"]) == ("200", "99", "60")
