"""Against a stand-in with the fields of Locust's entries: Locust itself would patch this process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.engine.locust_table import LocustTable, rounded_ms
from harness.results import RESULT_DTYPE, Catalog, Outcome, Rows


class Entry:
    def __init__(self, stats: Any, name: str, method: str) -> None:
        self.stats, self.name, self.method = stats, name, method
        self.seen: list[Entry] = []

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def extend(self, other: Entry) -> None:
        self.seen.append(other)


class Stats:
    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], Entry] = {}
        self.total = Entry(self, "Aggregated", "")

    def get(self, name: str, method: str) -> Entry:
        return self.entries.setdefault((name, method), Entry(self, name, method))


def rows(names: Catalog, *ends: tuple[int, int, float, Outcome]) -> Rows:
    array = np.zeros(len(ends), RESULT_DTYPE)
    for row, (step, journey, taken_s, outcome) in zip(array, ends, strict=True):
        row["step"], row["journey"], row["outcome"], row["bytes_in"] = step, journey, outcome, 10
        row["due_ns"], row["sent_ns"], row["finished_ns"] = 10**9, 10**9, 10**9 + taken_s * 1e9
    array["sent_ns"][array["outcome"] == Outcome.NOT_SENT] = -1
    return Rows(array, names)


def test_arrivals_and_steps_are_told_by_their_names_and_only_arrivals_are_summed() -> None:
    stats = Stats()
    names = Catalog(journeys=("ask", "look"), phases=("peak",), steps=("arrival", "chat"))
    LocustTable(stats, start_wall_s=1e9).fill(
        rows(
            names,
            (0, 0, 0.1, Outcome.OK),
            (0, 0, 0.3, Outcome.SERVER_ERROR),
            (0, 1, 0.2, Outcome.DEGRADED),
            (0, 1, 0.0, Outcome.NOT_SENT),
            (1, 0, 0.05, Outcome.OK),
        )
    )
    assert set(stats.entries) == {("ask", "journey"), ("look", "journey"), ("chat", "step")}
    (ask,) = stats.entries["ask", "journey"].seen
    assert (ask.num_requests, ask.num_failures, ask.total_content_length) == (2, 1, 20)
    assert (ask.min_response_time, ask.max_response_time) == pytest.approx((100, 300))
    assert ask.response_times == {100: 1, 300: 1}
    assert sum(ask.num_reqs_per_sec.values()) == 2 and sum(ask.num_fail_per_sec.values()) == 1
    assert ask.last_request_timestamp == pytest.approx(1e9 + 1.3)
    (look,) = stats.entries["look", "journey"].seen
    assert (look.num_requests, look.num_failures) == (1, 0)
    assert sum(entry.num_requests for entry in stats.total.seen) == 3


def test_response_times_are_rounded_as_locust_rounds_them() -> None:
    taken = np.array([0.2, 1.4, 99.4, 147.0, 3432.0, 58760.0, 123456.0])
    assert rounded_ms(taken).tolist() == [0, 1, 99, 150, 3400, 59000, 123000]
