"""Stand-ins for the transport: what a flight needs of it, on the real loop, without a socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from harness.engine.exchange import Done, Exchange, Request
from harness.engine.transport.path import PathWatch
from harness.results import Outcome, Reason

Answerer = Callable[[Exchange], None]


class FakeWire:
    """Answers every request `after_s` later (never, when None) with what `answer` makes of the exchange."""

    def __init__(self, loop: Any, after_s: float | None = 0.001, answer: Answerer = lambda _: None) -> None:
        self._loop = loop
        self._after_s = after_s
        self._answer = answer
        self._timers: list[Any] = []
        self.sent: list[Request] = []
        self.in_flight = self.connects = self.client_failures = self.receive_lag_ns_max = 0
        self.closed = False
        self.path = PathWatch()
        self.spread = (0, 0.0)
        self.left: list[int] = []

    def leave(self, seq: int) -> None:
        self.left.append(seq)

    def send(self, request: Request, done: Done) -> None:
        self.launch(Exchange(request), done, time.monotonic_ns())

    def launch(self, exchange: Exchange, done: Done, now_ns: int) -> None:
        self.sent.append(exchange.request)
        exchange.sent_ns = now_ns
        exchange.attempts = 1
        if self._after_s is None:
            return
        timer = self._loop.timer(self._after_s)
        self._timers.append(timer)
        timer.start(self._back, exchange, done, update=True)

    def _back(self, exchange: Exchange, done: Done) -> None:
        exchange.outcome, exchange.reason, exchange.status = Outcome.OK, Reason.NONE, 200
        exchange.finished_ns = time.monotonic_ns()
        self._answer(exchange)
        done(exchange)

    def warm(self, count: int, ready: Callable[[int], None]) -> None:
        self._loop.run_callback(ready, count)

    def close(self) -> None:
        self.closed = True
