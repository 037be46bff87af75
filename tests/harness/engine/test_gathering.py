from __future__ import annotations

import time
from typing import Any

import gevent
import pytest

from harness.engine.alarm import Alarm
from harness.engine.gathering import BUSY, BUSY_PER_S, CALM, PERIOD_NS, Gathering


def turns(loop: Any, seconds: float = 0.2) -> int:
    """How often the loop turns when something is always ready."""
    count = 0

    def ring() -> None:
        nonlocal count
        count += 1
        alarm.again(0)

    alarm = Alarm(loop, ring)
    alarm.set(time.monotonic_ns())
    gevent.sleep(seconds)
    alarm.close()
    return count


class Core:
    """A processor as busy as a test says."""

    def __init__(self, loop: Any) -> None:
        self.now_ns = 0
        self.cpu_s = 0.0
        self.gathering = Gathering(loop, lambda: self.now_ns, time.sleep, lambda: self.cpu_s)

    def runs(self, seconds: float, share: float) -> bool:
        for _ in range(round(seconds / 0.05)):
            self.now_ns += 50_000_000
            self.cpu_s += 0.05 * share
            self.gathering._sample()
        return self.gathering.on


@pytest.fixture
def core(loop: Any) -> Any:
    made = Core(loop)
    yield made
    made.gathering.close()


def test_it_begins_where_the_core_is_busy_and_what_it_saves_does_not_end_it(core: Core) -> None:
    core.gathering.begin(100)
    assert not core.runs(2, BUSY - 0.05)
    assert core.runs(0.2, 0.9), "within a fifth of a second"
    assert core.runs(2, BUSY / 3)
    assert not core.runs(1, CALM / 2)


def test_one_busy_moment_is_not_a_busy_core(core: Core) -> None:
    core.gathering.begin(100)
    core.runs(1, 0.05)
    assert not core.runs(0.05, 0.7)


def test_a_plan_of_many_arrivals_begins_with_it(core: Core) -> None:
    core.gathering.begin(BUSY_PER_S + 1)
    assert core.gathering.on
    assert not core.runs(1, 0.01), "but the processor has the last word"


@pytest.fixture
def gathering(loop: Any) -> Any:
    made = Gathering(loop, time.monotonic_ns, time.sleep)
    yield made
    made.close()


def test_a_busy_core_looks_at_most_once_a_period_and_a_calm_one_at_once(gathering: Gathering, loop: Any) -> None:
    at_most = 0.2 / (PERIOD_NS / 1e9) * 1.1
    free = turns(loop)
    gathering._turn(True)
    assert turns(loop) <= at_most < free
    gathering.close()
    assert turns(loop) > at_most


def test_a_quiet_socket_waits_for_nothing(gathering: Gathering, loop: Any) -> None:
    """The period runs from the last look: who comes after a long pause is not kept waiting."""
    gathering._turn(True)
    late_ns: list[int] = []
    for _ in range(20):
        due_ns = time.monotonic_ns() + 5_000_000
        alarm = Alarm(loop, lambda due_ns=due_ns: late_ns.append(time.monotonic_ns() - due_ns))  # type: ignore[misc]
        alarm.set(due_ns)
        gevent.sleep(0.01)
        alarm.close()
    assert min(late_ns) < PERIOD_NS / 2
