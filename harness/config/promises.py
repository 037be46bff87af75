"""Promises against the plan they stand in: what a run could never judge is said before it is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.config.plan import Plan
from harness.config.problems import did_you_mean, placed
from harness.config.tree import Node
from harness.errors import Problem

if TYPE_CHECKING:
    from harness.analysis import Slo

STREAM_METRICS = ("ttft", "tpot", "gap")
"""Metrics that only a streamed answer has."""


def check_promises(plan: Plan, tree: Node) -> Iterator[Problem]:
    """Every promise whose scope or metric the plan does not have: such a run ends INVALID, or worse, says nothing."""
    from harness.analysis import parse_slo  # late: numpy comes with it

    for index, line in enumerate(plan.slo.slos):
        try:
            slo = parse_slo(line.text)
        except ValueError:
            continue  # said already, with its place
        for what, advice in _contradictions(plan, slo):
            yield placed(tree, ("slo", "slos", index), what, advice)


def _contradictions(plan: Plan, slo: Slo) -> Iterator[tuple[str, str]]:
    journey, phase = slo.where.get("journey"), slo.where.get("phase")
    if journey and plan.journeys and journey not in plan.journeys:
        known = ", ".join(plan.journeys)
        yield f"the plan has no journey {journey!r}{did_you_mean(journey, plan.journeys)}", f"journeys: {known}"
    elif plan.journeys:
        yield from _streaming(plan, slo, journey)
    phases = plan.arrivals.phases
    if phase and phases and phase not in phases:
        yield f"the plan has no phase {phase!r}{did_you_mean(phase, phases)}", f"phases: {', '.join(phases)}"
    if slo.metric == "degraded" and not plan.degraded:
        yield "nothing tells a degraded answer from another, so this would hold always", "add `degraded: [header ...]`"
    if slo.metric == "cost" and plan.prices is None:
        yield "a cost needs prices", "add prices: {input: 0.15 USD, output: 0.60 USD} for a million tokens"
    if slo.metric == "cost" and plan.prices is not None and slo.unit != plan.prices.input[1]:
        yield f"it is in {slo.unit}, the prices in {plan.prices.input[1]}", "use one currency"


def _streaming(plan: Plan, slo: Slo, journey: str | None) -> Iterator[tuple[str, str]]:
    inside = [plan.journeys[journey]] if journey else list(plan.journeys.values())
    metrics = [slo.metric, *(metric for metric, _ in slo.limits)]
    for metric in metrics:
        if metric in STREAM_METRICS and not any(one.streams for one in inside):
            yield f"no journey in its scope streams, so there is no {metric}", "judge e2e, or set stream: true"
