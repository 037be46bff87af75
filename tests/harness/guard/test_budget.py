from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config import Limits, Prices
from harness.errors import ExitCode, RefusedError
from harness.guard import Use, check_budget, exceeded, in_flight_bound, stop_reason

PRICES = Prices.model_validate({"input": "0.15 USD", "output": "0.60 USD"})


def limits(**fields: Any) -> Limits:
    return Limits.model_validate(fields)


def test_the_cost_is_that_of_the_tokens() -> None:
    assert Use(1, 1, tokens_in=2_000_000, tokens_out=500_000).cost(PRICES) == pytest.approx(0.60)


def test_everything_over_is_said_at_once_before_the_start() -> None:
    use = Use(requests=11, duration_s=61, tokens_in=1_000_000, tokens_out=1_000_000)
    with pytest.raises(RefusedError) as caught:
        check_budget(use, limits(requests=10, duration="1m", cost="0.50 USD"), PRICES, "plan.yaml")
    assert caught.value.exit_code is ExitCode.REFUSED
    assert [p.what.split(": ")[1] for p in caught.value.problems] == [
        "11 requests are over the limit of 10",
        "61 s are over the limit of 60 s",
        "0.75 USD are over the limit of 0.50 USD",
    ]


def test_a_use_at_its_limits_is_inside_them() -> None:
    use = Use(requests=10, duration_s=60, tokens_in=1_000_000, tokens_out=1_000_000)
    check_budget(use, limits(requests=10, duration="1m", cost="0.75 USD"), PRICES)
    assert stop_reason(use, limits(requests=10, duration="1m", cost="0.75 USD"), PRICES) == ""


def test_the_kill_switch_says_why() -> None:
    assert stop_reason(Use(11, 1), limits(requests=10)) == "budget: 11 requests are over the limit of 10"


@given(st.integers(0, 10**6), st.floats(0, 1e6), st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_use_never_helps(requests: int, duration: float, tokens_in: int, tokens_out: int) -> None:
    bound = limits(requests=1000, duration="1h", cost="1 USD")
    less = exceeded(Use(requests, duration, tokens_in, tokens_out), bound, PRICES)
    more = exceeded(Use(requests + 1, duration + 1, tokens_in + 1, tokens_out + 1), bound, PRICES)
    assert len(more) >= len(less)


@pytest.mark.parametrize(
    ("given_", "descriptors", "bound"), [(None, 1024, 512), (None, 10**6, 10_000), (None, None, 10_000), (77, 1024, 77)]
)
def test_the_in_flight_bound(given_: int | None, descriptors: int | None, bound: int) -> None:
    assert in_flight_bound(limits(in_flight=given_), descriptors) == bound
