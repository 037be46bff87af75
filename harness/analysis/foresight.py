"""What a run could not show however well it went: said before it is run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.interval import fewest_to_pass, small_sample_factor
from harness.analysis.rules import Rules
from harness.analysis.slo import Kind, Slo
from harness.analysis.steady import FEWEST_ARRIVALS, FEWEST_SAMPLES, SAMPLE_HZ

SHORTEST_STABLE_S = FEWEST_SAMPLES / 2 / SAMPLE_HZ
"""Less is never tested for a queue that grows,"""
FEWEST_STABLE = FEWEST_ARRIVALS
"""nor are fewer requests."""


@dataclass(frozen=True)
class Shortfall:
    """A promise that cannot be shown to hold with so few requests, even if each of them is good and independent."""

    slo: str
    requests: int
    """In its scope, as planned."""
    fewest: int

    def __str__(self) -> str:
        return f"`{self.slo}` needs {self.fewest:,} requests even where none is bad, and gets {self.requests:,}"


def shortfalls(slos: Sequence[Slo], rules: Rules, requests: float, mix: Mapping[str, float]) -> tuple[Shortfall, ...]:
    """The blocking promises about shares of requests that a judged part of `requests` arrivals cannot show. `mix`:
    journey -> share of the arrivals; scopes by step and tenant count as all of them."""
    found = []
    for slo in slos:
        if slo.gate != "block" or slo.kind is Kind.MEAN:
            continue
        here = requests * mix.get(slo.where.get("journey", ""), 1.0)
        fewest = fewest_to_pass(slo.allowed_share, rules.pass_alpha) * small_sample_factor(rules.pass_alpha)
        if here < fewest:
            found.append(Shortfall(" ".join(slo.text.split()), int(here), math.ceil(fewest)))
    return tuple(found)
