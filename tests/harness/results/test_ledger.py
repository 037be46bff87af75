from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.results import NEVER, RESULT_DTYPE, Catalog, Outcome, Rows, WorkerFact, settle

CATALOG = Catalog(journeys=("ask",), phases=("peak",))
PLAN_DTYPE = np.dtype([("due_ns", "<i8"), ("phase", "u1"), ("journey", "u1"), ("tenant", "u1")])


def plan(n: int) -> np.ndarray:
    planned = np.zeros(n, PLAN_DTYPE)
    planned["due_ns"] = np.arange(n) * 1000
    return planned


def rows_of(seqs: list[int], workers: int, outcome: Outcome = Outcome.OK) -> np.ndarray:
    rows = np.zeros(len(seqs), RESULT_DTYPE)
    rows["seq"] = seqs
    rows["worker"] = [seq % workers for seq in seqs]
    rows["outcome"] = outcome
    return rows


def facts(n: int, workers: int, lost: dict[int, int] | None = None) -> list[WorkerFact]:
    lost = lost or {}
    shares = [len(range(k, n, workers)) for k in range(workers)]
    return [
        WorkerFact(k, "lost" if k in lost else "done", planned=share, reported=lost.get(k, share))
        for k, share in enumerate(shares)
    ]


@given(n=st.integers(0, 60), workers=st.integers(1, 4))
def test_a_whole_run_balances(n: int, workers: int) -> None:
    ledger = settle(plan(n), Rows(rows_of(list(range(n)), workers), CATALOG), facts(n, workers))
    assert ledger.balanced, ledger.problems
    assert ledger.accounted == n
    assert sum(ledger.outcomes.values()) == n


@given(data=st.data(), n=st.integers(4, 60), workers=st.integers(2, 4))
def test_what_a_lost_worker_did_not_write_is_lost_with_it(data: st.DataObject, n: int, workers: int) -> None:
    dead = data.draw(st.integers(0, workers - 1))
    own = list(range(dead, n, workers))
    kept = own[: data.draw(st.integers(0, len(own)))]
    reported = data.draw(st.integers(0, len(kept)))
    seqs = [seq for seq in range(n) if seq % workers != dead] + kept
    ledger = settle(plan(n), Rows(rows_of(seqs, workers), CATALOG), facts(n, workers, {dead: reported}))
    assert ledger.balanced, ledger.problems
    assert ledger.lost == len(own) - len(kept)
    assert ledger.accounted == n
    lost = ledger.rows.array[ledger.rows.array["outcome"] == Outcome.LOST_WITH_WORKER]
    assert sorted(lost["seq"].tolist()) == [seq for seq in own if seq not in kept]
    assert (lost["finished_ns"] == NEVER).all()
    assert (lost["due_ns"] == lost["seq"].astype(int) * 1000).all()


@given(data=st.data(), n=st.integers(1, 40))
def test_a_row_that_vanishes_from_a_worker_that_is_done_is_a_problem(data: st.DataObject, n: int) -> None:
    gone = data.draw(st.integers(0, n - 1))
    seqs = [seq for seq in range(n) if seq != gone]
    ledger = settle(plan(n), Rows(rows_of(seqs, 2), CATALOG), facts(n, 2))
    assert ledger.missing == (gone,)
    assert ledger.accounted == n - 1
    assert any("no outcome" in p for p in ledger.problems)
    assert any(f"worker {gone % 2} reported" in p for p in ledger.problems)


@given(data=st.data(), n=st.integers(1, 40))
def test_a_second_outcome_is_a_problem_and_counts_once(data: st.DataObject, n: int) -> None:
    twice = data.draw(st.integers(0, n - 1))
    ledger = settle(plan(n), Rows(rows_of([*range(n), twice], 2), CATALOG), facts(n, 2))
    assert ledger.duplicates == (twice,)
    assert ledger.accounted == n
    assert not ledger.balanced


def test_an_unplanned_row_is_a_problem_and_left_out() -> None:
    ledger = settle(plan(3), Rows(rows_of([0, 1, 2, 9], 1), CATALOG), facts(3, 1))
    assert ledger.unknown == (9,)
    assert ledger.rows.array["seq"].max() == 2
    assert not ledger.balanced


def test_a_worker_that_forges_a_million_is_caught() -> None:
    workers = [WorkerFact(0, "done", planned=3, reported=1_000_000)]
    ledger = settle(plan(3), Rows(rows_of([0, 1, 2], 1), CATALOG), workers)
    assert any("reported 1000000 arrivals, its rows hold 3" in p for p in ledger.problems)


def test_a_lost_workers_file_that_holds_less_than_it_said_is_a_problem() -> None:
    ledger = settle(plan(6), Rows(rows_of([0, 2, 4, 1], 2), CATALOG), facts(6, 2, {1: 3}))
    assert any("worker 1 reported 3 arrivals, its rows hold 1" in p for p in ledger.problems)


def test_a_stray_worker_is_a_problem() -> None:
    rows = rows_of([0, 1, 2], 1)
    rows["worker"][2] = 7
    ledger = settle(plan(3), Rows(rows, CATALOG), facts(3, 1))
    assert any("a worker that the engine does not know" in p for p in ledger.problems)


def test_step_rows_are_kept_and_not_counted() -> None:
    rows = np.concatenate([rows_of([0, 1], 1), rows_of([0, 0, 1], 1)])
    rows["step"][2:] = [1, 2, 1]
    ledger = settle(plan(2), Rows(rows, CATALOG), facts(2, 1))
    assert ledger.balanced
    assert ledger.rows.array.size == 5


@pytest.mark.parametrize("workers", [[], [WorkerFact(0, "lost", 5, 0)]])
def test_no_rows_at_all_is_never_good_news(workers: list[WorkerFact]) -> None:
    ledger = settle(plan(5), Rows(np.empty(0, RESULT_DTYPE), CATALOG), workers)
    assert ledger.missing == (0, 1, 2, 3, 4) if not workers else ledger.lost == 5
    assert ledger.outcomes.get("ok", 0) == 0


def test_all_workers_lost_is_all_lost() -> None:
    ledger = settle(plan(4), Rows(rows_of([0], 2), CATALOG), facts(4, 2, {0: 1, 1: 0}))
    assert ledger.outcomes == {"ok": 1, "lost_with_worker": 3}
