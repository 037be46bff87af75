"""Row 23: a worker that forgets what does not come back at once."""

from typing import Any

import harness.engine.recorder
from harness.engine import Arrival, Steps, http, journey

honest_arrival = harness.engine.recorder.Recorder.arrival


def arrival_or_nothing(self: Any, share: Any, index: int, exchange: Any) -> None:
    if exchange.outcome.is_success:
        honest_arrival(self, share, index, exchange)
    else:
        self.outcomes[exchange.outcome] += 1


setattr(harness.engine.recorder.Recorder, "arrival", arrival_or_nothing)


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
