"""Row 6: a thread of the worker burns its processor."""

import _thread
import time

from gevent import monkey

from harness.engine import Arrival, Steps, http, journey

start_thread = monkey.get_original("_thread", "start_new_thread") or _thread.start_new_thread


def burn() -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        sum(range(1000))


start_thread(burn, ())


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
