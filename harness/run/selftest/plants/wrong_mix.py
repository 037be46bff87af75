"""Row 49: the arrivals of one journey are served by the other, lighter one."""

from harness.engine import Arrival, Steps, http, journey


@journey(weight=3, name="short")
def short(arrival: Arrival) -> Steps:
    yield http("GET", "/ask")


@journey(weight=1, name="long")
def long(arrival: Arrival) -> Steps:
    if arrival.seq >= 0:
        raise RuntimeError("the worker that holds the long prompts is not there")
    yield http("GET", "/ask")
