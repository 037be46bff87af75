"""Row 38: a client that sleeps as long as Retry-After says, and tries again."""

from harness.engine import Arrival, Steps, http, journey, think


@journey()
def ask(arrival: Arrival) -> Steps:
    answer = yield http("GET", "/ask", required=False)
    if not answer.ok:
        yield think(1.5)
        yield http("GET", "/ask")
