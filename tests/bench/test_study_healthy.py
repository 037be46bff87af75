from __future__ import annotations

from collections import Counter
from typing import Any

from bench.study_healthy import LONGER_S, RUNS, item, study, table


def line(index: int, word: str) -> dict[str, Any]:
    return {**item(index).facts, "index": index, "word": word, "broken": ["mock_pacing"] if word == "INVALID" else []}


def test_fifty_runs_of_every_kind_short_ones_first() -> None:
    items = study().items
    assert len(items) == RUNS and [one.load_s for one in items] == sorted(one.load_s for one in items)
    kinds = Counter((one.facts["shape"], one.facts["target"]) for one in items)
    assert len(kinds) == 4 and min(kinds.values()) >= 12
    assert sum(one.facts["judged_s"] > 45 for one in items) == len(LONGER_S)


def test_the_table_counts_false_alarms_against_the_bar() -> None:
    lines = [line(k, "PASS") for k in range(49)]
    assert "false alarms: 0 of 49 runs (bar: 1 of 50): holds so far" in "\n".join(table(lines))
    one = "\n".join(table([*lines, line(49, "INVALID")]))
    assert "false alarms: 1 of 50 runs (bar: 1 of 50): holds;" in one and "{'mock_pacing': 1}" in one
    assert "2 of 51 runs (bar: 1 of 50): does not hold" in "\n".join(
        table([*lines, line(1, "INVALID"), line(3, "FAIL")])
    )
    assert "0 of 49 runs (bar: 1 of 50): holds so far; crashes: 1" in "\n".join(table([*lines, line(49, "CRASH")]))
