from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from mock_services.station import Station

jobs = st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 5)), min_size=1, max_size=60)


@given(jobs, st.integers(1, 4))
def test_it_is_a_first_come_first_served_queue(jobs: list[tuple[float, float]], servers: int) -> None:
    station = Station(servers)
    free = [0.0] * servers
    now_s = 0.0
    for pause_s, work_s in jobs:
        now_s += pause_s
        done_s = station.admit(now_s, work_s)
        start_s = max(now_s, heapq.heappop(free))  # the plain simulation
        heapq.heappush(free, start_s + work_s)
        assert done_s == start_s + work_s


@given(jobs, st.integers(1, 3), st.integers(0, 3))
def test_never_more_wait_than_the_queue_holds(jobs: list[tuple[float, float]], servers: int, queue: int) -> None:
    station = Station(servers, queue)
    now_s = 0.0
    for pause_s, work_s in jobs:
        now_s += pause_s
        before = station.waiting(now_s)
        done_s = station.admit(now_s, work_s)
        assert station.waiting(now_s) <= queue
        assert (done_s is None) <= (before == queue), "turned away only where the queue is full"


def test_capacity_changes_at_once() -> None:
    station = Station(1)
    assert station.admit(0, 10) == 10
    station.resize(2, 5, 0)
    assert station.admit(0, 10) == 10
    station.resize(1, 5, 0)
    assert station.admit(0, 1) == 11
