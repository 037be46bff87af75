"""Runs the simulated server on the event loop: every step at its absolute time, and its own lateness measured."""

from __future__ import annotations

import asyncio
import math

from mock_services.evidence import DelayHistogram
from mock_services.inference.batching import Batching, Job
from mock_services.loop import call_at, clock


class Pacer:
    def __init__(self, batching: Batching, loop: asyncio.AbstractEventLoop, pacing: DelayHistogram) -> None:
        self.batching = batching
        self._loop = loop
        self._pacing = pacing
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = math.inf
        self._running = False
        self._sent: list[tuple[float, int]] = []

    def submit(self, job: Job) -> None:
        self.batching.submit(job, clock())
        self.arm()

    def arm(self) -> None:
        """Sets the timer to the next event; call it after anything was changed on `batching`."""
        if self._running:
            return
        next_s = self.batching.next_s()
        if next_s == self._timer_s:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_s = next_s
        if next_s < math.inf:
            self._timer = call_at(self._loop, next_s, self._run)

    def _run(self) -> None:
        self._timer, self._timer_s, self._running = None, math.inf, True
        try:
            self.batching.advance(clock(), self._served)
        finally:
            self._running = False
            self.arm()

    def _served(self, at: float, tokens: int) -> None:
        if not self._sent:
            self._loop.call_soon(self._measure)
        self._sent.append((at, tokens))

    def _measure(self) -> None:
        """In the loop's next round, when the last chunk of every step has been given to the kernel (uvloop writes at
        a round's end); what it finds is counted for all tokens of a step: the worst of them."""
        now = clock()
        for at, tokens in self._sent:
            self._pacing.add(now - at, tokens)
        self._sent.clear()
