"""Row 5: every send comes later than the one before, at the same mean rate."""

from harness.engine import Arrival, Steps, http, journey, think


@journey()
def ask(arrival: Arrival) -> Steps:
    yield think(arrival.seq * 0.002)
    yield http("GET", "/ask")
