"""Row 12: a worker writes one row in twenty twice."""

from typing import Any

import harness.engine.recorder
from harness.engine import Arrival, Steps, http, journey

honest_arrival = harness.engine.recorder.Recorder.arrival


def arrival_twice(self: Any, share: Any, index: int, exchange: Any) -> None:
    honest_arrival(self, share, index, exchange)
    if share.seq[index] % 20 == 0:
        honest_arrival(self, share, index, exchange)
        self.outcomes[exchange.outcome] -= 1


setattr(harness.engine.recorder.Recorder, "arrival", arrival_twice)


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
