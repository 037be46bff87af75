from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.config import Limits, Prices
from harness.forecast import Arrivals, Shape, parse_segments, plan_arrivals, shape_from_segments
from harness.guard.estimate import clock, count, estimate, estimate_lines

SEGMENTS: list[dict[str, Any]] = [
    {"phase": "warm", "ramp": [0.0, 10.0], "for": 30.0},
    {"phase": "peak", "hold": 20.0, "for": 60.0},
    {"phase": "burst", "spike": {"base": 20.0, "peak": 60.0, "at": 10.0, "width": 2.0}, "for": 30.0},
]
PRICES = Prices.model_validate({"input": "2 USD", "output": "8 USD"})


def load() -> tuple[Shape, Arrivals]:
    shape = shape_from_segments(parse_segments(SEGMENTS))
    arrivals = plan_arrivals(shape, ("chat", "embed"), 7)
    arrivals.array["tokens_in"], arrivals.array["tokens_out"] = 100, 50
    return shape, arrivals


def test_every_arrival_is_in_exactly_one_stage() -> None:
    shape, arrivals = load()
    found = estimate(shape, arrivals, ("peak",), Limits(), PRICES)
    assert sum(stage.arrivals for stage in found.stages) == found.use.requests == arrivals.array.size
    assert sum(stage.tokens_in for stage in found.stages) == found.use.tokens_in == 100 * arrivals.array.size
    assert dict(found.journeys)["chat"] == int(np.sum(arrivals.array["journey"] == 0))
    assert found.cost == pytest.approx(arrivals.array.size * (100 * 2 + 50 * 8) / 1e6)
    assert found.over == ()


def test_stages_have_their_own_rates_whatever_stands_beside_them() -> None:
    shape, arrivals = load()
    warm, peak, burst = estimate(shape, arrivals, ("peak",), Limits(), None).stages
    assert (warm.rate_low, warm.rate_high) == (0.0, pytest.approx(10.0))
    assert (peak.rate_low, peak.rate_high) == (20.0, 20.0)
    assert (burst.rate_low, burst.rate_high) == (20.0, 60.0)
    assert (peak.judged, burst.judged) == (True, False)
    assert burst.busiest_1s > peak.busiest_1s > 20


def test_a_plan_over_its_limits_says_so() -> None:
    shape, arrivals = load()
    limits = Limits.model_validate({"requests": 100, "duration": "1m", "cost": "0.01 USD"})
    found = estimate(shape, arrivals, ("peak",), limits, PRICES)
    assert len(found.over) == 3
    assert found.to_json()["allowed"] is False
    assert sum(line.startswith("over") for line in estimate_lines(found)) == 3


def test_the_table_fits_80_columns_and_names_what_is_judged() -> None:
    shape, arrivals = load()
    lines = estimate_lines(estimate(shape, arrivals, ("peak",), Limits(), None))
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("peak*") for line in lines)
    assert any("cost         unknown" in line for line in lines)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.5, "0.5s"), (59.6, "1m"), (90, "1m30s"), (3600, "1h"), (86_399, "23h59m59s")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (60_000, "60k"), (1_234_567, "1.23M"), (2 * 10**9, "2G")]
)
def test_count(number: int, text: str) -> None:
    assert count(number) == text
