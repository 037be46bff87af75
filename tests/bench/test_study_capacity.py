from __future__ import annotations

from typing import Any

import yaml

from bench.study_capacity import JUDGED_S, RATIOS, SEARCHES, WARM_S, slow_share, study, table

TRUTH = 17.3


def line(ratio: float, word: str, trial: str = "", search: int = 0) -> dict[str, Any]:
    told = {
        "search": search,
        "ratio": ratio,
        "rate": ratio * TRUTH,
        "word": word,
        "broken": [],
        "offered": ratio * TRUTH,
    }
    return told | ({"trial": trial or word} if word != "CRASH" else {})


def test_every_search_has_every_rate_once_and_no_two_runs_share_their_arrivals() -> None:
    items = study(TRUTH).items
    assert len(items) == SEARCHES * len(RATIOS)
    assert sorted(item.facts["ratio"] for item in items) == sorted(RATIOS * SEARCHES)
    assert len({yaml.safe_load(item.plan)["arrivals"]["seed"] for item in items}) == len(items)
    assert all(item.load_s == WARM_S + JUDGED_S and item.takes_s <= 65 for item in items)


def test_the_table_counts_the_runs_that_count_and_finds_a_false_pass() -> None:
    lines = [
        line(0.8, "PASS"),
        line(0.9, "PASS", "INCONCLUSIVE"),
        line(1.25, "FAIL"),
        line(1.1, "INVALID"),
        line(1.0, "CRASH"),
    ]
    text = "\n".join(table(lines, TRUTH))
    assert "0 of 3 runs that count (bar: 0 of 30): holds so far" in text
    assert "search 0: 4 runs, proven 13.8, truth 17.3, disproven 21.6" in text
    assert "1 of 4 runs that count (bar: 0 of 30): does not hold" in "\n".join(
        table([*lines, line(1.05, "PASS")], TRUTH)
    )
    assert "30): holds\n" in "\n".join(table([line(0.8, "PASS")] * 30, TRUTH))


def test_more_load_is_never_faster() -> None:
    assert slow_share(12, 20_000) < slow_share(17, 20_000) < slow_share(22, 20_000)
