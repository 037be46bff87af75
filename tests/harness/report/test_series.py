from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import Evidence, Planned
from harness.report.series import (
    BINS_MAX,
    Timed,
    bin_width_s,
    exceedance,
    gap_quantiles,
    latencies_s,
    timeline,
)
from harness.results import NEVER, RESULT_DTYPE, Catalog, Outcome, Rows
from harness.results.row import FLAG_STREAMED

CATALOG = Catalog(journeys=("chat", "search"), phases=("warm", "peak"))


def rows_of(
    due_s: list[float], latency_s: list[float], outcomes: list[Outcome] | None = None, **fields: list[int]
) -> Rows:
    array = np.zeros(len(due_s), RESULT_DTYPE)
    array["due_ns"] = np.round(np.array(due_s) * 1e9)
    array["sent_ns"] = array["due_ns"]
    array["finished_ns"] = array["due_ns"] + np.round(np.array(latency_s) * 1e9).astype(np.int64)
    array["first_token_ns"] = array["last_token_ns"] = NEVER
    array["seq"] = np.arange(array.size)
    array["outcome"] = outcomes or [Outcome.OK] * array.size
    for name, values in fields.items():
        array[name] = values
    return Rows(array, CATALOG)


def test_a_failure_is_infinitely_slow_however_fast_it_came() -> None:
    rows = rows_of([0, 1, 2], [0.5, 0.001, 0.2], [Outcome.OK, Outcome.THROTTLED, Outcome.DEGRADED])
    assert latencies_s(rows.array, "e2e").tolist() == [0.5, np.inf, pytest.approx(0.2)]
    assert latencies_s(rows.array, "ttft").tolist() == pytest.approx([np.nan, np.inf, np.nan], nan_ok=True), (
        "no streams"
    )
    rows.array["flags"] = FLAG_STREAMED
    assert np.isinf(latencies_s(rows.array, "ttft")).all(), "a stream without content is no fast answer"


def test_service_time_runs_from_the_send_and_gaps_are_as_told() -> None:
    rows = rows_of([0, 0], [3, 3], sent_ns=[10**9] * 2, first_token_ns=[2 * 10**9, NEVER], max_gap_us=[250_000, 0])
    assert latencies_s(rows.array, "service").tolist() == [2, 2]
    assert latencies_s(rows.array, "gap").tolist() == pytest.approx([0.25, np.nan], nan_ok=True)


def test_tpot_needs_two_tokens() -> None:
    rows = rows_of([0, 0], [3, 3], tokens_out=[21, 1], first_token_ns=[10**9] * 2, last_token_ns=[3 * 10**9] * 2)
    assert latencies_s(rows.array, "tpot").tolist() == pytest.approx([0.1, np.nan], nan_ok=True)


def test_every_arrival_is_in_exactly_one_bin() -> None:
    rng = np.random.default_rng(3)
    due = np.sort(rng.uniform(0, 90, 3000)).tolist()
    outcomes = rng.choice([Outcome.OK, Outcome.THROTTLED, Outcome.TIMEOUT], 3000).tolist()
    rows = rows_of(due, [0.1] * 3000, outcomes)
    data = timeline(rows, None, Timed("e2e", 0.95))
    assert data is not None
    assert data.count.sum() == 3000
    assert sum(int(c.sum()) for c in data.outcomes.values()) == sum(o != Outcome.OK for o in outcomes)
    assert data.due_rate is None, "no plan was at hand"
    assert (data.sent_rate * data.width_s).sum() == pytest.approx(3000)


def test_the_bins_quantiles_are_those_of_numpy() -> None:
    rng = np.random.default_rng(4)
    due = np.sort(rng.uniform(0, 60, 2000))
    latency = rng.lognormal(0, 0.5, 2000)
    data = timeline(rows_of(due.tolist(), latency.tolist()), None, Timed("e2e", 0.9))
    assert data is not None
    seen = np.round(latency * 1e9) / 1e9
    for i in range(data.count.size):
        inside = (due >= data.edges_s[i]) & (due < data.edges_s[i + 1])
        assert data.tail_s[i] == pytest.approx(np.quantile(seen[inside], 0.9, method="inverted_cdf"))


def test_a_tail_of_failures_has_no_quantile() -> None:
    outcomes = [Outcome.OK] * 90 + [Outcome.THROTTLED] * 10
    data = timeline(rows_of([0.1] * 100, [0.2] * 100, outcomes), None, Timed("e2e", 0.95))
    assert data is not None
    assert np.isinf(data.tail_s[0])
    assert data.p50_s[0] == pytest.approx(0.2)


def test_planned_arrivals_that_never_came_stay_on_the_timeline() -> None:
    rows = rows_of([0.0, 1.0], [0.1, 0.1])
    due = np.array([0, 10**9, 50 * 10**9], np.int64)
    planned = Planned(due, np.zeros(3, np.uint8), np.zeros(3, np.uint8), np.arange(3, dtype=np.uint32))
    data = timeline(rows, Evidence(own_run=True, planned=planned), Timed("e2e", 0.95))
    assert data is not None
    assert data.due_rate is not None
    assert (data.due_rate * data.width_s).sum() == pytest.approx(3)
    assert data.edges_s[-1] > 50


def test_no_arrival_no_timeline() -> None:
    assert timeline(rows_of([], []), None, Timed("e2e", 0.95)) is None


@given(st.floats(0.5, 1e6), st.integers(1, 10**7))
def test_there_are_never_too_many_bins(duration_s: float, arrivals: int) -> None:
    assert duration_s / bin_width_s(duration_s, arrivals) <= BINS_MAX * 1.0001


@given(st.lists(st.floats(1e-3, 1e3) | st.just(float("inf")), min_size=1, max_size=400))
def test_exceedance_is_the_share_that_was_slower(values: list[float]) -> None:
    array = np.array(values)
    data = exceedance(array)
    if data is None:
        assert np.isinf(array).all()
        return
    assert data.floor == pytest.approx(np.isinf(array).mean())
    assert (np.diff(data.share) <= 0).all()
    for x, share in zip(data.latency_s, data.share, strict=True):
        assert share == pytest.approx((array > x).mean()) or share >= (array > x).mean(), "ties count from above"


def test_gaps_as_planned_lie_on_the_diagonal_and_bunched_ones_do_not() -> None:
    rng = np.random.default_rng(5)
    due = np.sort(rng.uniform(0, 100, 2000))
    planned = Planned(
        np.round(due * 1e9).astype(np.int64),
        np.zeros(2000, np.uint8),
        np.zeros(2000, np.uint8),
        np.arange(2000, dtype=np.uint32),
    )
    evidence = Evidence(own_run=True, planned=planned)
    good = gap_quantiles(rows_of(due.tolist(), [0.1] * 2000), evidence)
    assert good is not None
    assert np.allclose(good[0], good[1])
    bunched = gap_quantiles(rows_of(np.floor(due).tolist(), [0.1] * 2000), evidence)
    assert bunched is not None
    assert bunched[1][20] < bunched[0][20] / 2
    assert gap_quantiles(rows_of([0.0], [0.1]), evidence) is None


def test_a_million_rows_become_a_bounded_number_of_bins() -> None:
    rng = np.random.default_rng(6)
    array = np.zeros(1_000_000, RESULT_DTYPE)
    array["due_ns"] = np.sort(rng.integers(0, 600 * 10**9, array.size))
    array["finished_ns"] = array["due_ns"] + rng.integers(10**7, 10**9, array.size)
    array["seq"] = np.arange(array.size)
    line = timeline(Rows(array, CATALOG), None, Timed("e2e", 0.99))
    assert line is not None
    assert line.count.sum() == array.size
    assert line.count.size <= 2 * BINS_MAX
