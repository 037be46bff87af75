"""Runs the simulated server on the event loop: every step at its absolute time, and its own lateness measured."""

from __future__ import annotations

import asyncio
import math

from mock_services.alarm import Alarm
from mock_services.evidence import DelayHistogram
from mock_services.inference.batching import Batching, Job, Served
from mock_services.loop import clock
from mock_services.server import Outbox


class Pacer:
    def __init__(
        self, batching: Batching, loop: asyncio.AbstractEventLoop, pacing: DelayHistogram, outbox: Outbox
    ) -> None:
        self.batching = batching
        self._loop = loop
        self._pacing = pacing
        self._outbox = outbox
        self._alarm = Alarm(loop, self._run)
        self._alarm_s = math.inf
        self._running = False
        self._answered: list[tuple[float, int]] = []

    def submit(self, job: Job) -> None:
        self.batching.submit(job, clock())
        self.arm()

    def arm(self) -> None:
        """Sets the alarm to the next event; call it after anything was changed on `batching`."""
        if self._running:
            return
        next_s = self.batching.next_s()
        if next_s != self._alarm_s:
            self._alarm_s = next_s
            self._alarm.set(next_s)

    def _run(self) -> None:
        self._alarm_s, self._running = math.inf, True
        self._outbox.holding = True
        try:
            self.batching.advance(clock(), self._served)
        finally:
            self._outbox.release()
            self._running = False
            self.arm()

    def _served(self, at: float, given: Served) -> None:
        """Sends the step's chunks, and counts for all of them how late the last one was."""
        self._outbox.flush()
        tokens, answers = given
        if tokens:
            self._pacing.add(clock() - at, tokens)
        if answers:
            if not self._answered:
                self._loop.call_soon(self._measure)
            self._answered.append((at, answers))

    def _measure(self) -> None:
        """In the loop's next round, when the tasks that waited for whole answers have sent them."""
        now = clock()
        for at, answers in self._answered:
            self._pacing.add(now - at, answers)
        self._answered.clear()
