from __future__ import annotations

from typing import Any

import pytest

from bench.study_kills import misses, table, uncontrolled


def kill(victim: str = "runner", **changes: Any) -> dict[str, Any]:
    line = {"number": 4, "victim": victim, "outside": False, "counts": True, "in_force": 1, "alive_s": 1.5}
    return {**line, "exit": -9, "leaked": False, "left": [], "result": "", "why": "", **changes}


def control(result: str = "HELD", outside: bool = False) -> dict[str, Any]:
    return {"number": 9, "victim": "nobody", "outside": outside, "exit": 0, "left": [], "result": result, "why": ""}


HEALTHY = [control(), control(outside=True), kill(), kill("master", result="INVALID"), kill("mock", result="INVALID")]


def test_a_study_that_met_its_bars() -> None:
    assert misses(HEALTHY, 3) == []


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([*HEALTHY, kill(result="HELD")], "drill 4 (runner killed): reported as HELD"),
        ([*HEALTHY, kill(leaked=True, alive_s=3.4)], "alive too long (3.4 s)"),
        ([*HEALTHY, kill(left=["watchman", "locust worker 0"])], "locust worker 0 outlived it"),
        (HEALTHY[:4], "2 of 3 kills"),
        ([*HEALTHY[:4], kill(counts=False)], "2 of 3 kills"),
        ([control("INVALID"), *HEALTHY[1:]], "no control held with leased faults alone"),
        ([control(), control("NOT RUN", outside=True), *HEALTHY[2:]], "no control held with a fault on what is not"),
    ],
)
def test_what_is_not_met_is_said(lines: list[dict[str, Any]], says: str) -> None:
    (words,) = misses(lines, 3)
    assert says in words


def test_a_watchman_may_stay_for_as_long_as_its_action_may_take() -> None:
    assert misses([*HEALTHY, kill(left=["watchman"])], 3) == []


def test_without_a_control_nothing_is_proven() -> None:
    assert len(uncontrolled([kill() for _ in range(200)])) == 2


def test_the_table_counts_each_victim_and_what_was_said() -> None:
    rows = table([*HEALTHY, kill("mock", counts=False), control("INVALID")]).splitlines()[2:]
    assert rows == [
        "| runner | 1 | 1 | 0 | 1.50 | 0 | no result (exit -9) 1 |",
        "| master | 1 | 1 | 0 | 1.50 | 0 | INVALID 1 |",
        "| mock | 1 | 1 | 0 | 1.50 | 0 | INVALID 1 |",
        "| nobody | 3 | 0 | 0 | 0.00 | 2 | HELD 2, INVALID 1 |",
    ]
