"""Row 45: the wall clock jumps an hour ahead, then two hours back, while the load runs."""

import time

from harness.engine import Arrival, Steps, http, journey

honest_clock = time.time
begin_s = time.monotonic()


def stepping() -> float:
    into_s = time.monotonic() - begin_s
    return honest_clock() + (3600.0 if 4 < into_s < 7 else -3600.0 if into_s >= 7 else 0.0)


time.time = stepping


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
