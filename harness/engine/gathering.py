"""On a busy core the loop looks at its sockets a few thousand times a second, not for every packet.

To wake up for one packet costs several times what reading it does: the kernel's switch, cold caches, an idle virtual
core. A core that is half busy with single packets spends most of that on waking up. So while the processor says that it
is busy, the loop waits until `PERIOD_NS` have passed since it looked last, and then finds many packets and due arrivals
at once. Sends and readings become late by that much at most, where they would otherwise be late by milliseconds soon
after; on a calm core nothing is delayed. With the kernel's stamps readings stay exact.

A core that is nearly full waits longer for packets, `LONG_PERIOD_NS`, but no longer for arrivals: the next one's due
time ends the wait. At 25,000 events/s that took a fifth off the processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PERIOD_NS = 200_000
LONG_PERIOD_NS = 1_000_000
BUSY, CALM = 0.4, 0.1
"""Shares of the core at which it begins and ends. Gathering itself lowers the share to a half or less."""
FULL, EASED = 0.7, 0.4
"""Shares at which the long period begins and ends."""
BUSY_PER_S = 5_000
"""Arrivals/s at which it begins without waiting for the processor's word."""
_SAMPLE_S = 0.05


class Gathering:
    """`loop` is gevent's. Judges by the process's own processor time, twenty times a second.

    `sleep` stops the process: not the one that Locust puts in the place of `time.sleep`. `next_due_ns` says when the
    next arrival is to be sent, by `clock_ns`.
    """

    def __init__(
        self,
        loop: Any,
        clock_ns: Callable[[], int],
        sleep: Callable[[float], None],
        next_due_ns: Callable[[], int],
        cpu_s: Callable[[], float] = time.process_time,
    ) -> None:
        self._clock_ns, self._sleep, self._next_due_ns, self._cpu_s = clock_ns, sleep, next_due_ns, cpu_s
        self._watcher = loop.prepare()
        self._timer = loop.timer(_SAMPLE_S, _SAMPLE_S)
        self._looked_ns = self._sampled_ns = 0
        self._sampled_s = 0.0
        self._share = 0.0
        self._full = False
        self.on = False

    def begin(self, planned_per_s: float) -> None:
        self._sampled_ns, self._sampled_s = self._clock_ns(), self._cpu_s()
        self._timer.start(self._sample)
        if planned_per_s > BUSY_PER_S:
            self._share = BUSY
            self._turn(True)

    def close(self) -> None:
        """Never waits again. Safe to call twice."""
        self._timer.stop()
        self._turn(False)

    def _sample(self) -> None:
        now_ns, now_s = self._clock_ns(), self._cpu_s()
        passed_s = (now_ns - self._sampled_ns) / 1e9
        if passed_s < _SAMPLE_S / 2:
            return  # the loop was late with the last one
        self._share = (self._share + (now_s - self._sampled_s) / passed_s) / 2
        self._sampled_ns, self._sampled_s = now_ns, now_s
        self._full = self._share > (EASED if self._full else FULL)
        if self._share > BUSY or (self.on and self._share < CALM):
            self._turn(self._share > BUSY)

    def _turn(self, on: bool) -> None:
        if on and not self.on:
            self._watcher.start(self._before_looking)
        elif not on:
            self._watcher.stop()
        self.on = on

    def _before_looking(self) -> None:
        until_ns = self._looked_ns + PERIOD_NS
        if self._full:
            until_ns = max(until_ns, min(self._looked_ns + LONG_PERIOD_NS, self._next_due_ns()))
        left_ns = until_ns - self._clock_ns()
        if left_ns > 0:
            self._sleep(left_ns / 1e9)
        self._looked_ns = self._clock_ns()
