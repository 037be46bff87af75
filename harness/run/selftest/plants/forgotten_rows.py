"""Row 23: a worker that forgets what does not come back at once."""

from typing import Any

import harness.engine.recorder
from harness.engine import Arrival, Steps, http, journey

honest_row = harness.engine.recorder.Recorder._row


def row(self: Any, share: Any, index: int, exchange: Any, *rest: Any) -> None:
    if exchange.outcome.is_success:
        honest_row(self, share, index, exchange, *rest)


setattr(harness.engine.recorder.Recorder, "_row", row)


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
