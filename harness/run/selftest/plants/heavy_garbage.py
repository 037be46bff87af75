"""Row 7: the worker's own collector walks a large heap again and again."""

import gc
from typing import Any

from harness.engine import Arrival, Steps, http, journey

heap: list[Any] = []


@journey()
def ask(arrival: Arrival) -> Steps:
    if not heap:
        heap.extend({"n": [n]} for n in range(700_000))
    if arrival.seq % 20 == 0:
        gc.collect()
    yield http("GET", "/ask")
