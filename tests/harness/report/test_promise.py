from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.report import Report
from harness.report.promise import promise, rows_of
from harness.results import RESULT_DTYPE, Catalog, Rows


@pytest.mark.parametrize(
    ("slo", "name", "details"),
    [
        ("ttft p99.9 <= 2s", "ttft p99.9", ""),
        ("warn e2e p95 <= 8s where journey=chat, phase=peak", "e2e p95", "where journey=chat, phase=peak"),
        ("goodput >= 98% {ttft: 2s, tpot: 80ms}", "goodput", "good: ttft 2 s, tpot 80 ms"),
        ("errors < 1% where journey=chat info", "errors", "where journey=chat"),
        ("brand_new_metric p95 <= 2s", "brand_new_metric p95", ""),
        ("", "?", ""),
    ],
)
def test_an_slo_is_named_without_its_limit(reports: dict[str, Report], slo: str, name: str, details: str) -> None:
    found = promise(replace(reports["pass"].verdict.checks[0], slo=slo))
    assert (found.name, found.details) == (name, details)


def test_rows_are_those_of_the_scope(reports: dict[str, Report]) -> None:
    array = np.zeros(6, RESULT_DTYPE)
    array["due_ns"] = [5, 4, 3, 2, 1, 0]
    array["seq"] = np.arange(6)
    array["journey"] = [0, 1, 0, 1, 0, 1]
    array["phase"] = [0, 0, 0, 1, 1, 1]
    array["step"] = [0, 0, 1, 0, 0, 1]
    rows = Rows(array, Catalog(("chat", "search"), ("warm", "peak"), steps=("arrival", "answer")))
    check = reports["pass"].verdict.checks[0]

    def seqs(slo: str, judged: tuple[str, ...] = ()) -> list[int]:
        found: list[int] = rows_of(replace(check, slo=slo), rows, judged)["seq"].tolist()
        return found

    assert seqs("e2e p95 <= 1s") == [4, 3, 1, 0]
    assert seqs("e2e p95 <= 1s", ("peak",)) == [4, 3]
    assert seqs("e2e p95 <= 1s", ("no such phase",)) == []
    assert seqs("e2e p95 <= 1s where journey=search, phase=peak") == [3]
    assert seqs("e2e p95 <= 1s where step=answer") == [5, 2]
    assert seqs("e2e p95 <= 1s where step=nothing") == []
    assert seqs("e2e p95 <= 1s where journey=nobody") == []
