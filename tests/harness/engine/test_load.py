from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from harness.engine.exchange import Exchange
from harness.engine.facts import first_catalog, gaps_path, spool_path, telemetry_path
from harness.engine.load import Load, busiest_second, in_flight_share
from harness.engine.share import Share
from harness.results import Outcome, Reason, Rows, WorkerFact, read_gaps, read_spools, read_telemetry, settle
from tests.harness.engine.flying import arrivals_at, job_with, wait_until
from tests.harness.engine.wires import FakeWire


@pytest.fixture(autouse=True)
def _collector_back_on() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def run(
    folder: Path, loop: Any, wire: FakeWire, due_s: list[float], *, stop_at: int = 0, **job: Any
) -> tuple[Load, Rows]:
    settings = job_with(**job)
    load = Load(settings, folder, 0, share=Share.deal(arrivals_at(*due_s), 0, 1), loop=loop, transport=wire)
    load.begin(time.monotonic_ns() + 5_000_000)
    if stop_at:
        wait_until(lambda: len(wire.sent) >= stop_at)
        load.stop(0.02)
    wait_until(lambda: load.over)
    last = load.close()
    assert last.done
    rows = read_spools([spool_path(folder, 0)], first_catalog(settings))
    ledger = settle(arrivals_at(*due_s), rows, [WorkerFact(0, "done", last.planned, last.finished)])
    assert ledger.balanced, ledger.problems
    return load, rows


def test_a_healthy_load_balances_and_leaves_its_telemetry(tmp_path: Path, loop: Any) -> None:
    wire = FakeWire(loop)
    _, rows = run(tmp_path, loop, wire, [0.002 * i for i in range(50)])
    assert (rows.array["outcome"] == Outcome.OK).all()
    assert ((rows.array["sent_ns"] - rows.array["due_ns"]) >= 0).all()
    assert wire.closed
    seconds = read_telemetry(telemetry_path(tmp_path, 0))
    assert seconds["fired"][-1] == seconds["finished"][-1] == 50
    spent = (rows.array["finished_ns"] - rows.array["sent_ns"]).sum() / 1e9
    assert seconds["in_flight_area_s"][-1] == pytest.approx(spent, rel=0.1)
    assert not gc.isenabled()


@pytest.mark.parametrize(("share", "left"), [(0.0, []), (0.5, list(range(8)))])
def test_arrivals_that_are_over_are_told_where_some_are_newcomers(
    tmp_path: Path, loop: Any, share: float, left: list[int]
) -> None:
    wire = FakeWire(loop)
    run(tmp_path, loop, wire, [0.002 * i for i in range(8)], new_connections=share)
    assert wire.left == left


def test_newcomers_are_not_connected_beforehand(tmp_path: Path, loop: Any) -> None:
    for share, limit, count in ((0.0, 1000, 40), (1.0, 1000, 0), (0.5, 1000, 20), (0.0, 7, 7)):
        wire = FakeWire(loop)
        asked: list[int] = []
        wire.warm = lambda n, ready, asked=asked: asked.append(n)  # type: ignore[method-assign,misc]
        settings = job_with(new_connections=share, in_flight_limit=limit)
        share_of_all = Share.deal(arrivals_at(*[0.001 * i for i in range(40)]), 0, 1)
        folder = tmp_path / f"{share}-{limit}"
        folder.mkdir()
        Load(settings, folder, 0, share=share_of_all, loop=loop, transport=wire).warm(lambda _: None)
        assert asked == [count]


def test_requests_that_find_the_bound_fail_the_run_by_name(tmp_path: Path, loop: Any) -> None:
    _, rows = run(tmp_path, loop, FakeWire(loop, after_s=0.1), [0.001 * i for i in range(20)], in_flight_limit=5)
    assert (rows.array["outcome"] == Outcome.NOT_SENT).sum() == 15
    assert (rows.array["reason"] == Reason.IN_FLIGHT_BOUND).sum() == 15


def test_answers_that_never_come_end_with_the_drain(tmp_path: Path, loop: Any) -> None:
    _, rows = run(tmp_path, loop, FakeWire(loop, after_s=None), [0.0, 0.001], drain_s=0.05)
    assert rows.array["outcome"].tolist() == [Outcome.CANCELLED] * 2


def test_a_stop_leaves_nothing_unsaid(tmp_path: Path, loop: Any) -> None:
    _, rows = run(tmp_path, loop, FakeWire(loop), [0.0, 0.001, *[30.0] * 600], stop_at=2)
    assert (rows.array["reason"] == Reason.STOPPED).sum() == 600
    assert (rows.array["outcome"] == Outcome.OK).sum() == 2


def test_a_share_of_a_lost_worker_is_fired_too_unless_it_comes_too_late(tmp_path: Path, loop: Any) -> None:
    plan, job = arrivals_at(*[0.01 * i for i in range(10)]), job_with(processes=2)
    load = Load(job, tmp_path, 0, share=Share.deal(plan, 0, 2), loop=loop, transport=FakeWire(loop))
    load.begin(time.monotonic_ns())
    rest = Share.of_lost(plan, lost=1, workers=2, after_ns=-1, part=0, parts=1)
    assert load.take(rest)
    wait_until(lambda: load.over)
    assert load.second().planned == 10
    last = load.close()
    assert (last.planned, last.finished, last.done) == (10, 10, True)
    assert not load.take(rest)
    rows = read_spools([spool_path(tmp_path, 0)], first_catalog(job)).arrivals()
    assert sorted(rows["seq"].tolist()) == list(range(10))


@pytest.mark.parametrize("unread_s", [0.0, 2.0])
def test_an_answer_that_lay_unread_is_a_lag_of_the_loop(tmp_path: Path, loop: Any, unread_s: float) -> None:
    wire = FakeWire(loop)
    load = Load(job_with(), tmp_path, 0, share=Share.deal(arrivals_at(0.0), 0, 1), loop=loop, transport=wire)
    load.begin(time.monotonic_ns())
    wire.receive_lag_ns_max = round(unread_s * 1e9)
    load.second()
    assert wire.receive_lag_ns_max == 0
    load.close()
    seconds = read_telemetry(telemetry_path(tmp_path, 0))
    assert (seconds["loop_lag_s_max"][0] >= 2.0) == (unread_s == 2.0)


def test_a_full_disk_is_told(tmp_path: Path, loop: Any) -> None:
    load = Load(job_with(), tmp_path, 0, share=Share.deal(arrivals_at(0.0), 0, 1), loop=loop, transport=FakeWire(loop))
    load._writer.broken = "result rows cannot be written: No space left on device"
    load.begin(time.monotonic_ns())
    gevent.sleep(0.02)
    assert "No space left" in load.second().broken
    load.close()


@pytest.mark.parametrize(("limit", "workers", "parts"), [(10, 3, [3, 3, 4]), (1, 2, [1, 1]), (10_000, 1, [10_000])])
def test_the_bound_is_dealt_to_the_workers(limit: int, workers: int, parts: list[int]) -> None:
    assert [in_flight_share(limit, 1 << 20, k, workers) for k in range(workers)] == parts


def test_the_descriptors_bound_it_too_less_what_the_rest_needs() -> None:
    assert in_flight_share(10_000, 64, 0, 1) == 32
    assert in_flight_share(20_000, 4_096, 0, 1) == 2_048
    assert in_flight_share(20_000, 20_000, 0, 1) == 17_952


def test_warm_connections_follow_the_busiest_second() -> None:
    share = Share.deal(arrivals_at(0.0, 0.1, 0.2, 5.0, 9.0), 0, 1)
    assert busiest_second(share) == 3
    assert busiest_second(Share.deal(arrivals_at(*[i / 1000 for i in range(500)]), 0, 1)) == 100
    assert busiest_second(Share.deal(arrivals_at(), 0, 1)) == 1


def test_the_gaps_of_streams_are_in_the_folder_by_phase(tmp_path: Path, loop: Any) -> None:
    def stream(exchange: Exchange) -> None:
        assert exchange.gaps is not None
        exchange.gaps.extend([20_000_000] * 4)

    run(tmp_path, loop, FakeWire(loop, answer=stream), [0.0, 0.001, 0.002])
    gaps = read_gaps([gaps_path(tmp_path, 0)], 1)
    assert gaps is not None
    assert gaps.count(0) == 12
    assert gaps.quantile_s(0, 1.0) == pytest.approx(0.02, rel=0.09)
