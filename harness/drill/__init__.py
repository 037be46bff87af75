"""Drills: a fault under load, what must happen then, and by when. Model, timeline, lease client, detection: pure but
for the lease client."""

from harness.drill.bounds import AbortRule, Bound, parse_abort, parse_bound
from harness.drill.model import Drill, Expect, FaultSpec
from harness.drill.reading import load_drill
from harness.drill.signals import Signal, parse_signal

__all__ = [
    "AbortRule",
    "Bound",
    "Drill",
    "Expect",
    "FaultSpec",
    "Signal",
    "load_drill",
    "parse_abort",
    "parse_bound",
    "parse_signal",
]
