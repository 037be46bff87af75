from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import RunningSlo, parse_slo
from harness.results import RESULT_DTYPE, Catalog, Outcome, Rows

CATALOG = Catalog(journeys=("ask", "quick"), phases=("peak",))
NS = 1_000_000_000


def rows(latencies_s: list[float], outcome: Outcome = Outcome.OK, journey: int = 0) -> Rows:
    array = np.zeros(len(latencies_s), RESULT_DTYPE)
    array["sent_ns"] = array["first_token_ns"] = array["last_token_ns"] = 0
    array["finished_ns"] = [int(value * NS) for value in latencies_s]
    array["outcome"], array["journey"], array["seq"] = outcome, journey, np.arange(len(latencies_s))
    return Rows(array, CATALOG)


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 100.0), min_size=1, max_size=80), st.sampled_from([50, 90, 95, 99]))
def test_a_quantile_is_right_to_one_percent_however_the_rows_come(values: list[float], percent: int) -> None:
    running = RunningSlo(parse_slo(f"e2e p{percent} <= 2s"))
    for value in values:
        running.add(rows([value]))
    exact = sorted(values)[math.ceil(percent / 100 * len(values)) - 1]
    assert running.n == len(values)
    assert running.value == pytest.approx(exact, rel=0.011)


def test_failures_are_slower_than_everything() -> None:
    running = RunningSlo(parse_slo("e2e p95 <= 2s"))
    running.add(rows([0.1] * 94))
    running.add(rows([0.1] * 6, Outcome.TIMEOUT))
    assert running.value == math.inf


def test_shares_count_and_goodput_is_what_is_left() -> None:
    errors, goodput = RunningSlo(parse_slo("errors < 1%")), RunningSlo(parse_slo("goodput >= 95% {e2e: 1s}"))
    for part in (rows([0.5] * 8), rows([0.5], Outcome.SERVER_ERROR), rows([3.0])):
        errors.add(part)
        goodput.add(part)
    assert errors.value == pytest.approx(0.1)
    assert goodput.value == pytest.approx(0.8)


def test_only_the_scope_counts_and_nothing_is_not_a_number() -> None:
    running = RunningSlo(parse_slo("e2e p95 <= 2s where journey=quick"))
    running.add(rows([9.0] * 5))
    assert running.n == 0 and math.isnan(running.value)
    running.add(rows([1.0], journey=1))
    assert (running.n, running.value) == (1, pytest.approx(1.0, rel=0.011))
