from __future__ import annotations

import time
from typing import Any

import gevent
import pytest

from harness.engine.alarm import Alarm
from harness.engine.dispatch import NEVER_DUE
from harness.engine.gathering import BUSY, BUSY_PER_S, CALM, EASED, FULL, LONG_PERIOD_NS, PERIOD_NS, Gathering


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
        self.next_due_ns = NEVER_DUE
        self.naps_s: list[float] = []
        self.gathering = Gathering(loop, lambda: self.now_ns, self.slept, lambda: self.next_due_ns, lambda: self.cpu_s)

    def slept(self, seconds: float) -> None:
        self.naps_s.append(seconds)
        self.now_ns += round(seconds * 1e9)

    def waits_s(self) -> float:
        """How long it waits between two looks with nothing to do in between."""
        self.gathering._before_looking()
        self.naps_s.clear()
        self.gathering._before_looking()
        return sum(self.naps_s)

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


def test_a_full_core_waits_longer_for_packets_but_not_for_arrivals(core: Core) -> None:
    core.gathering.begin(100)
    core.runs(2, FULL - 0.05)
    assert core.waits_s() == pytest.approx(PERIOD_NS / 1e9)
    core.runs(2, FULL + 0.05)
    assert core.waits_s() == pytest.approx(LONG_PERIOD_NS / 1e9)
    core.runs(2, EASED + 0.05)
    assert core.waits_s() == pytest.approx(LONG_PERIOD_NS / 1e9), "what it saves does not end it"
    core.gathering._before_looking()
    core.next_due_ns = core.now_ns + LONG_PERIOD_NS // 2
    core.naps_s.clear()
    core.gathering._before_looking()
    assert sum(core.naps_s) == pytest.approx(LONG_PERIOD_NS / 2e9)
    core.next_due_ns = core.now_ns
    core.naps_s.clear()
    core.gathering._before_looking()
    assert sum(core.naps_s) == pytest.approx(PERIOD_NS / 1e9), "arrivals are gathered too, for the short period"
    core.next_due_ns = NEVER_DUE
    core.runs(2, EASED - 0.05)
    assert core.waits_s() == pytest.approx(PERIOD_NS / 1e9)


@pytest.fixture
def gathering(loop: Any) -> Any:
    made = Gathering(loop, time.monotonic_ns, time.sleep, lambda: NEVER_DUE)
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
