from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.quota import Acceleration, Concurrency, ContinuousBucket, FixedWindow, Meter, SlidingWindow
from mock_services.quota.hints import go_duration

KINDS = [ContinuousBucket, SlidingWindow, FixedWindow]
requests = st.lists(st.tuples(st.floats(0, 20), st.integers(1, 120)), min_size=1, max_size=60)
limits = st.integers(1, 200)


@pytest.mark.parametrize(
    ("limit", "used", "requested", "said"),
    [
        # captured 429 bodies (OpenAI three times, Groq twice). Groq prints `used` rounded up: 11971.25 reads 11972.
        (50_000, 47_949, 3_006, "1.146s"),
        (200_000, 195_869, 4_412, "84ms"),
        (30_000, 22_999, 12_528, "11.054s"),
        (15_000, 11_971.25, 4_351, "5.289s"),
        (15_000, 11_389.25, 4_351, "2.961s"),
    ],
)
def test_bucket_hint_equals_the_captured_bodies_to_the_millisecond(
    limit: int, used: float, requested: int, said: str
) -> None:
    bucket = ContinuousBucket(limit)
    bucket.take(used, 100.0)
    assert go_duration(bucket.wait_s(requested, 100.0)) == said


def admitted(meter: Meter, arrivals: list[tuple[float, int]]) -> list[tuple[float, int]]:
    now, passed = 1000.0, []
    for gap, cost in arrivals:
        now += gap
        if meter.wait_s(cost, now) == 0:
            meter.take(cost, now)
            passed.append((now, cost))
    return passed


@given(limits, requests)
def test_bucket_never_admits_more_than_its_size_and_its_refill(limit: int, arrivals: list[tuple[float, int]]) -> None:
    passed = admitted(ContinuousBucket(limit), arrivals)
    for i, (start, _) in enumerate(passed):
        total = 0
        for at, cost in passed[i:]:
            total += cost
            assert total <= limit + (at - start) * limit / 60 + 1e-3


@given(limits, requests)
def test_sliding_window_never_admits_more_than_its_limit_in_any_window(
    limit: int, arrivals: list[tuple[float, int]]
) -> None:
    passed = admitted(SlidingWindow(limit), arrivals)
    for start, _ in passed:
        assert sum(cost for at, cost in passed if start <= at < start + 60) <= limit + 1e-3


@given(limits, requests)
def test_fixed_window_never_admits_more_than_its_limit_in_its_windows(
    limit: int, arrivals: list[tuple[float, int]]
) -> None:
    totals: dict[int, int] = {}
    for at, cost in admitted(FixedWindow(limit), arrivals):
        totals[math.floor(at / 60)] = totals.get(math.floor(at / 60), 0) + cost
    assert all(total <= limit for total in totals.values())


@settings(max_examples=200)
@given(st.sampled_from(KINDS), limits, requests, st.integers(1, 200), st.integers(0, 300))
def test_wait_is_sufficient_and_minimal(
    kind: type[ContinuousBucket], limit: int, arrivals: list[tuple[float, int]], cost: int, debt: int
) -> None:
    meter = kind(limit)
    admitted(meter, arrivals)
    now = 1000.0
    for gap, _ in arrivals:
        now += gap
    meter.take(debt, now)
    wait_s = meter.wait_s(cost, now)
    if cost > limit:
        assert wait_s == math.inf
    elif wait_s > 0 and math.isfinite(wait_s):
        shortfall_s = 1e-3 if kind is ContinuousBucket else 1e-6
        if wait_s > shortfall_s * 2:
            assert meter.wait_s(cost, now + wait_s - shortfall_s) > 0, "asked earlier, it must not fit yet"
        assert meter.wait_s(cost, now + wait_s) == 0, "asked again after the wait, it must fit"


@given(st.sampled_from(KINDS), limits, requests)
def test_after_the_reset_nothing_is_used(
    kind: type[ContinuousBucket], limit: int, arrivals: list[tuple[float, int]]
) -> None:
    meter = kind(limit)
    admitted(meter, arrivals)
    now = 1000.0
    for gap, _ in arrivals:
        now += gap
    assert meter.used(now + meter.reset_s(now)) == pytest.approx(0, abs=1e-6)


@given(st.sampled_from(KINDS), st.integers(0, 100), st.integers(0, 100), st.integers(10, 200))
def test_giving_back_never_frees_more_than_was_taken(
    kind: type[ContinuousBucket], taken: int, back: int, limit: int
) -> None:
    meter = kind(limit)
    meter.take(taken, 1000.0)
    meter.take(-back, 1001.0)
    assert 0 <= meter.used(1001.0) <= max(0, taken - back) + 1e-6
    assert meter.used(1001.0 + 60) <= meter.used(1001.0)


def test_a_lowered_limit_bites_at_once_and_a_raised_one_frees_at_once() -> None:
    bucket = ContinuousBucket(100)
    bucket.take(60, 0.0)
    bucket.resize(40, 0.0)
    assert bucket.wait_s(1, 0.0) == pytest.approx(1 / 40 * 60)
    bucket.resize(100, 0.0)
    assert bucket.wait_s(50, 0.0) == 0


def test_fixed_window_pays_a_debt_off_window_by_window() -> None:
    meter = FixedWindow(10)
    meter.take(25, 30.0)
    assert meter.wait_s(1, 30.0) == pytest.approx(90.0)
    assert meter.wait_s(1, 119.9) > 0
    assert meter.wait_s(1, 120.0) == 0


def test_concurrency_counts_who_is_there() -> None:
    meter = Concurrency(1)
    meter.take(1, 0.0)
    assert meter.wait_s(1, 0.0) == math.inf
    meter.take(-1, 0.0)
    assert meter.wait_s(1, 0.0) == 0


def test_acceleration_refuses_a_rate_that_more_than_doubles_within_a_minute_and_lets_a_slow_ramp_pass() -> None:
    def refused(rates: list[int]) -> int:
        meter, n = Acceleration(2.0, floor=20), 0
        for second, rate in enumerate(rates):
            for k in range(rate):
                now = 1000 + second + k / rate
                if meter.wait_s(1, now) > 0:
                    n += 1
                else:
                    meter.take(1, now)
        return n

    assert refused([10] * 20) > 0, "from nothing to 10/s at once is a sharp ramp"
    assert refused([2] * 80 + [3] * 80 + [5] * 80 + [9] * 80) == 0
    assert refused([2] * 80 + [6] * 20) > 0
