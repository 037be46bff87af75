from __future__ import annotations

import time
from typing import Any

import gevent
import pytest

from harness.engine.alarm import Alarm
from harness.engine.gathering import BUSY, CALM, PERIOD_NS, Gathering


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


@pytest.fixture
def gathering(loop: Any) -> Any:
    made = Gathering(loop, time.monotonic_ns)
    yield made
    made.close()


def test_a_busy_core_looks_at_most_once_a_period_and_a_calm_one_at_once(gathering: Gathering, loop: Any) -> None:
    at_most = 0.2 / (PERIOD_NS / 1e9) * 1.1
    free = turns(loop)
    gathering.judge(BUSY + 0.01)
    assert turns(loop) <= at_most < free
    gathering.judge(CALM - 0.01)
    assert turns(loop) > at_most


def test_what_it_saves_does_not_end_it(gathering: Gathering) -> None:
    gathering.judge(BUSY - 0.01)
    assert not gathering.on
    gathering.judge(BUSY + 0.01)
    gathering.judge(BUSY / 3)
    assert gathering.on
    gathering.judge(CALM / 2)
    assert not gathering.on


def test_a_quiet_socket_waits_for_nothing(gathering: Gathering, loop: Any) -> None:
    """The period runs from the last look: who comes after a long pause is not kept waiting."""
    gathering.judge(1.0)
    late_ns: list[int] = []
    for _ in range(20):
        due_ns = time.monotonic_ns() + 5_000_000
        alarm = Alarm(loop, lambda due_ns=due_ns: late_ns.append(time.monotonic_ns() - due_ns))  # type: ignore[misc]
        alarm.set(due_ns)
        gevent.sleep(0.01)
        alarm.close()
    assert min(late_ns) < PERIOD_NS / 2
