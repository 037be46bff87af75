from __future__ import annotations

import asyncio
import gc
import math
import os
import weakref

import pytest

from mock_services import alarm as module
from mock_services.alarm import Alarm
from mock_services.loop import clock, run

ROUNDED_S = {"timerfd": 0.0, "loop": 0.001}
"""A loop's own timers count whole milliseconds."""


@pytest.fixture(params=["timerfd", "loop"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "loop":
        monkeypatch.setattr(module, "_timerfd", lambda: None)
    return str(request.param)


def rings(*settings: float, wait_s: float = 0.05) -> list[float]:
    """When it rang, from the start, having been set to these moments one after the other."""

    async def body() -> list[float]:
        heard: list[float] = []
        began = clock()
        alarm = Alarm(asyncio.get_running_loop(), lambda: heard.append(clock() - began))
        for at_s in settings:
            alarm.set(began + at_s)
        await asyncio.sleep(wait_s)
        for _ in range(500):  # a busy machine may need longer
            if heard or settings[-1] == math.inf:
                break
            await asyncio.sleep(0.01)
        return heard

    return run(body())


def test_it_rings_once_and_not_early(kind: str) -> None:
    heard = rings(0.01)
    assert len(heard) == 1
    assert heard[0] >= 0.01 - ROUNDED_S[kind]


def test_the_last_setting_counts(kind: str) -> None:
    assert len(rings(0.005, 0.02)) == 1
    assert rings(0.005, 0.02)[0] >= 0.02 - ROUNDED_S[kind]
    assert rings(0.005, math.inf) == []


def test_a_moment_that_has_passed_rings_at_once(kind: str) -> None:
    assert len(rings(-5.0)) == 1


def test_it_can_be_set_anew_from_its_own_ring(kind: str) -> None:
    async def body() -> int:
        count = 0

        def ring() -> None:
            nonlocal count
            count += 1
            if count < 5:
                alarm.set(clock() + 0.001)

        alarm = Alarm(asyncio.get_running_loop(), ring)
        alarm.set(clock())
        for _ in range(500):
            if count >= 5:
                break
            await asyncio.sleep(0.01)
        return count

    assert run(body()) == 5


def test_one_that_nobody_holds_is_closed() -> None:
    async def body() -> None:
        alarm = Alarm(asyncio.get_running_loop(), lambda: None)
        alarm.set(clock() + 60)
        fd, gone = alarm._fd, weakref.ref(alarm)
        if fd is None:
            pytest.skip("no timerfd here")
        del alarm
        gc.collect()
        assert gone() is None
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)

    run(body())
