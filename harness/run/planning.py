"""From a plan to what the engine, the mocks and the analysis need. Pure: files come in as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import config, forecast
from harness.analysis import Confidence, PhaseWindow, Rules
from harness.engine import DegradedSignal, EngineJob, JourneySpec
from harness.errors import Problem, UsageError
from harness.guard import in_flight_bound

JUDGED_BY_DEFAULT = ("peak", "replay")
DEFAULT_TOKENS = (200, 100)
"""Prompt and output tokens where neither the plan nor the forecast says any."""


@dataclass(frozen=True)
class Load:
    """The load of one run, planned: the shape, its arrivals and what is judged of it."""

    shape: forecast.Shape
    arrivals: forecast.Arrivals
    windows: tuple[PhaseWindow, ...]
    mix: Mapping[str, float]
    peak_per_s: float | None
    """The forecast peak that the capacity is held against; None where the plan is hand-written."""
    peak_label: str


def plan_load(
    plan: config.Plan, peak: forecast.Peak | None, recordings: Mapping[Path, np.ndarray[Any, Any]], seed: int
) -> Load:
    """`recordings`: the offsets of each `replay` file that the plan names, in seconds, shape (n,).

    Raises UsageError where the plan judges a phase that its load does not have, or plans no arrival at all.
    """
    shape = _shape(plan, peak, recordings, seed)
    names = tuple(plan.journeys) or ("profile",)
    weights = {name: journey.weight for name, journey in plan.journeys.items()} or {"profile": 1.0}
    total = sum(weights.values())
    mix = {name: weight / total for name, weight in weights.items()}
    if not shape.mix:
        shape = shape.with_mix(mix)
    arrivals = forecast.plan_arrivals(shape, names, seed)
    if arrivals.array.size == 0:
        raise UsageError(Problem("the plan has no arrival in it", "raise its rate or its duration"))
    _fill_tokens(plan, arrivals)
    return Load(
        shape=shape,
        arrivals=arrivals,
        windows=_windows(plan, shape),
        mix=dict(shape.mix),
        peak_per_s=None if peak is None else peak.peak_per_s(plan.arrivals.quantile) * plan.arrivals.rate_scale,
        peak_label="" if peak is None else peak.label_text,
    )
