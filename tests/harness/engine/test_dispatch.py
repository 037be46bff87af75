from __future__ import annotations

import time
from typing import Any

import gevent
import pytest

from harness.engine.dispatch import Dispatcher
from harness.engine.share import Share
from harness.results import Reason
from tests.harness.engine.flying import arrivals_at, wait_until


class Log:
    """Records what the dispatcher did."""

    def __init__(self, loop: Any, due_s: list[float], *, room: int = 10**9, late_cut_s: float = 5.0) -> None:
        self.fired: list[tuple[int, float]] = []
        self.skipped: list[tuple[int, Reason]] = []
        self.start_ns = time.monotonic_ns() + 20_000_000
        self.dispatcher = Dispatcher(
            loop=loop,
            clock_ns=time.monotonic_ns,
            share=Share.deal(arrivals_at(*due_s), 0, 1),
            start_ns=self.start_ns,
            fire=self._fire,
            skip=lambda _share, index, reason, _now: self.skipped.append((index, reason)),
            room=lambda: room - len(self.fired),
            late_cut_ns=round(late_cut_s * 1e9),
        )

    def _fire(self, share: Share, index: int, now: int) -> None:
        self.fired.append((index, (now - self.start_ns - share.due_ns[index]) / 1e9))

    def run(self) -> None:
        self.dispatcher.begin()
        wait_until(lambda: self.dispatcher.done)
        self.dispatcher.close()


def test_every_arrival_is_fired_once_in_order_and_never_early(loop: Any) -> None:
    log = Log(loop, [i / 2000 for i in range(300)])
    log.run()
    assert [index for index, _ in log.fired] == list(range(300))
    assert min(lag for _, lag in log.fired) >= 0
    assert sorted(lag for _, lag in log.fired)[150] < 0.005
    assert log.skipped == []
    assert len(log.dispatcher.lags_ns) == 300


def test_a_thousand_due_at_one_moment_are_all_fired(loop: Any) -> None:
    log = Log(loop, [0.01] * 1000)
    log.run()
    assert len(log.fired) == 1000


def test_an_empty_share_is_done_at_once(loop: Any) -> None:
    log = Log(loop, [])
    assert log.dispatcher.done
    log.run()


def test_what_finds_the_bound_is_not_sent_and_named(loop: Any) -> None:
    log = Log(loop, [0.001 * i for i in range(10)], room=3)
    log.run()
    assert [index for index, _ in log.fired] == [0, 1, 2]
    assert log.skipped == [(index, Reason.IN_FLIGHT_BOUND) for index in range(3, 10)]


def test_after_a_stall_the_old_arrivals_are_not_fired_in_a_burst(loop: Any) -> None:
    log = Log(loop, [0.0, 0.01, 0.02, 0.3, 0.31], late_cut_s=0.1)
    log.dispatcher.begin()
    time.sleep(0.3)  # the process stands still: the loop does not turn
    wait_until(lambda: log.dispatcher.done)
    assert log.skipped == [(0, Reason.LATE), (1, Reason.LATE), (2, Reason.LATE)]
    assert [index for index, _ in log.fired] == [3, 4]


def test_a_stop_leaves_no_arrival_without_a_name(loop: Any) -> None:
    log = Log(loop, [0.0, 0.001, *[60.0] * 1000])
    log.dispatcher.begin()
    wait_until(lambda: len(log.fired) == 2)
    log.dispatcher.stop()
    wait_until(lambda: log.dispatcher.done)
    assert log.skipped == [(index, Reason.STOPPED) for index in range(2, 1002)]
    gevent.sleep(0.01)
    assert len(log.fired) == 2
    log.dispatcher.close()


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_what_the_living_take_over_is_the_rest_of_the_lost_share_and_nothing_twice(parts: int) -> None:
    array = arrivals_at(*[i * 0.1 for i in range(40)])
    taken = [
        Share.of_lost(array, lost=1, workers=4, after_ns=1_500_000_000, part=part, parts=parts) for part in range(parts)
    ]
    seqs = sorted(share.seq[i] for share in taken for i in range(share.count))
    assert seqs == [seq for seq in range(1, 40, 4) if seq * 0.1 > 1.5]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_the_shares_of_any_number_of_workers_are_the_plan(workers: int) -> None:
    array = arrivals_at(*[i * 0.1 for i in range(20)])
    shares = [Share.deal(array, k, workers) for k in range(workers)]
    dealt = sorted((share.due_ns[i], share.seq[i]) for share in shares for i in range(share.count))
    assert dealt == [(int(due), seq) for seq, due in enumerate(array["due_ns"])]
