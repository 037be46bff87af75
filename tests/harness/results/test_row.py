from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.results import ARRIVAL, RESULT_DTYPE, Catalog, Rows


def rows_of(due: list[int], seq: list[int], steps: list[bool]) -> Rows:
    array = np.zeros(len(due), RESULT_DTYPE)
    array["due_ns"], array["seq"] = due, seq
    array["step"] = np.where(steps, ARRIVAL + 1, ARRIVAL)
    return Rows(array, Catalog(("chat",), ("peak",)))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=30))
def test_arrivals_are_in_order_of_due_time_and_then_of_seq(cells: list[tuple[int, int, bool]]) -> None:
    rows = rows_of(*(list(column) for column in zip(*cells, strict=True))) if cells else rows_of([], [], [])
    expected = sorted((due, seq) for due, seq, step in cells if not step)
    assert rows.arrivals()[["due_ns", "seq"]].tolist() == expected
    ordered = rows.in_order()
    assert ordered.array[["due_ns", "seq"]].tolist() == sorted((due, seq) for due, seq, _ in cells)
    assert ordered.arrivals()[["due_ns", "seq"]].tolist() == expected


def test_rows_that_are_in_order_are_not_copied() -> None:
    rows = rows_of([1, 1, 2], [0, 1, 0], [False] * 3)
    assert rows.arrivals() is rows.array
    assert rows.in_order() is rows
    assert rows_of([1, 1], [1, 0], [False] * 2).arrivals()["seq"].tolist() == [0, 1]
