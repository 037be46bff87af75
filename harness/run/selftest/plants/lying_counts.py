"""Row 12: a worker reports a million answers that nobody saw."""

from dataclasses import replace
from typing import Any

import harness.engine.load
from harness.engine import Arrival, Steps, http, journey

honest_tick = harness.engine.load.Load._tick


def tick(self: Any, *, done: bool) -> Any:
    told = honest_tick(self, done=done)
    outcomes = (told.outcomes[0] + 1_000_000, *told.outcomes[1:])
    return replace(told, outcomes=outcomes, finished=told.finished + 1_000_000, fired=told.fired + 1_000_000)


setattr(harness.engine.load.Load, "_tick", tick)


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
