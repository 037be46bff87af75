"""On a busy core the loop looks at its sockets a few thousand times a second, not for every packet.

To wake up for one packet costs several times what reading it does: the kernel's switch, cold caches, an idle virtual
core. A core that is half busy with single packets spends most of that on waking up. So once a second's share of the
processor says that it is busy, the loop waits until `PERIOD_NS` have passed since it looked last, and then finds many
packets and due arrivals at once. Sends and readings become late by that much at most, where they would otherwise become
late by milliseconds soon after; below that share nothing is delayed. With the kernel's stamps readings stay exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PERIOD_NS = 200_000
BUSY, CALM = 0.4, 0.1
"""Shares of the core at which it begins and ends. Gathering itself lowers the share to a third or less."""


class Gathering:
    """`judge` is told each second's share of the core; `loop` is gevent's."""

    def __init__(self, loop: Any, clock_ns: Callable[[], int]) -> None:
        from gevent import monkey  # here: the command line reads a job's journeys without it

        self._clock_ns = clock_ns
        self._sleep: Callable[[float], None] = monkey.get_original("time", "sleep")
        self._watcher = loop.prepare()
        self._looked_ns = 0
        self.on = False

    def judge(self, cpu_share: float) -> None:
        if not self.on and cpu_share > BUSY:
            self.on = True
            self._watcher.start(self._before_looking)
        elif self.on and cpu_share < CALM:
            self.on = False
            self._watcher.stop()

    def close(self) -> None:
        """Never waits again. Safe to call twice."""
        self.on = False
        self._watcher.stop()

    def _before_looking(self) -> None:
        left_ns = self._looked_ns + PERIOD_NS - self._clock_ns()
        if left_ns > 0:
            self._sleep(left_ns / 1e9)
        self._looked_ns = self._clock_ns()
