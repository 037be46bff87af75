"""The event loop that the mocks run on, and the clock and the timers that go with it.

uvloop halves the cost of a small answer. Its own `loop.time()` is in whole milliseconds and its timers may fire half of
one early, so neither is used: times are `clock()`, and `call_at` makes good what can be. What must be exact has an
`Alarm`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

clock = time.monotonic
_HALF_A_TICK_S = 0.0005


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on uvloop where that exists (everywhere but on Windows)."""
    with asyncio.Runner(loop_factory=_new_loop()) as runner:
        return runner.run(main)


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def call_at(loop: asyncio.AbstractEventLoop, due_s: float, call: Callable[..., object], *given: Any) -> Any:
    """Calls at `due_s` of `clock`, within a millisecond: what the loop's timers can do. Answers the timer."""
    return loop.call_later(max(0.0, due_s - clock()) + _HALF_A_TICK_S, call, *given)
