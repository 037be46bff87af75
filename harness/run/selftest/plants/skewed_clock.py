"""Row 44: the clock of one of two workers is half a minute ahead."""

import sys
import time

from harness.engine import Arrival, Steps, http, journey

if sys.argv[-1] == "1" or "1" in sys.argv[-2:]:
    honest_clock = time.time
    time.time = lambda: honest_clock() + 30.0


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
