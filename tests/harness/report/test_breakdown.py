from __future__ import annotations

import numpy as np
import pytest

from harness.report import Report
from harness.report.breakdown import SLOWEST_MAX, by_field, slowest
from harness.results import RESULT_DTYPE, Catalog, Rows


def test_groups_share_out_every_arrival(reports: dict[str, Report]) -> None:
    rows = reports["fail"].rows
    assert rows is not None
    for field in ("phase", "journey"):
        groups = by_field(rows, field)
        assert sum(g.n for g in groups) == rows.arrivals().size
    peak = next(g for g in by_field(rows, "phase") if g.name == "peak")
    assert peak.failed_share == pytest.approx(0.16, abs=0.03)
    assert peak.e2e_p95_s == float("inf"), "more than 5 % failed: there is no p95"
    warm = next(g for g in by_field(rows, "phase") if g.name == "warm")
    assert warm.failed_share == 0
    assert 1 < warm.e2e_p95_s < 10


def test_the_slowest_are_the_slowest(reports: dict[str, Report]) -> None:
    rows = reports["pass"].rows
    assert rows is not None
    found = slowest(rows)
    waits = np.sort((rows.array["finished_ns"] - rows.array["due_ns"]) / 1e9)[::-1]
    assert [s.latency_s for s in found] == pytest.approx(waits[:SLOWEST_MAX].tolist())


def test_none_ended_none_slow() -> None:
    array = np.zeros(3, RESULT_DTYPE)
    array["finished_ns"] = -1
    assert slowest(Rows(array, Catalog(("chat",), ("peak",)))) == []
