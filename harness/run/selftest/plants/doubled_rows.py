"""Row 12: a worker writes one row in twenty twice."""

from typing import Any

import harness.engine.recorder
from harness.engine import Arrival, Steps, http, journey

honest_row = harness.engine.recorder.Recorder._row


def row(self: Any, share: Any, index: int, *rest: Any) -> None:
    honest_row(self, share, index, *rest)
    if share.seq[index] % 20 == 0:
        honest_row(self, share, index, *rest)


setattr(harness.engine.recorder.Recorder, "_row", row)


@journey()
def ask(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")
