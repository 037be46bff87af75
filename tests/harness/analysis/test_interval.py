import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import interval


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.floats(0.01, 0.999))
def test_a_percentile_is_the_order_statistic_that_the_share_speaks_of(values: list[float], q: float) -> None:
    array = np.array(values)
    value = interval.quantile(array, q)
    rank = max(1, math.ceil(q * len(values) - 1e-9))
    assert value == sorted(values)[rank - 1]
    assert (array > value).mean() <= 1 - q + 1e-9


@pytest.mark.parametrize(
    ("n", "q", "rank"), [(100, 0.99, 99), (101, 0.99, 100), (20, 0.95, 19), (1, 0.5, 1), (200, 0.995, 199)]
)
def test_the_rank_has_no_off_by_one(n: int, q: float, rank: int) -> None:
    assert interval.quantile(np.arange(1.0, n + 1), q) == rank


@given(n=st.integers(1, 3000), bad=st.integers(0, 3000), alpha=st.sampled_from([0.01, 0.05, 0.01 / 6]))
def test_the_bounds_are_exact_clopper_pearson_at_whole_sizes(n: int, bad: int, alpha: float) -> None:
    bad = min(bad, n)
    exact = scipy.stats.binomtest(bad, n)
    upper = interval.upper_share(bad / n, n, alpha)
    lower = interval.lower_share(bad / n, n, alpha)
    assert upper == pytest.approx(exact.proportion_ci(1 - 2 * alpha).high, abs=1e-7)
    assert lower == pytest.approx(exact.proportion_ci(1 - 2 * alpha).low, abs=1e-7)


@given(n=st.integers(2, 500), bad=st.integers(0, 499), allowed=st.floats(0.001, 0.5))
def test_the_p_value_is_the_binomial_tail(n: int, bad: int, allowed: float) -> None:
    bad = min(bad, n)
    assert interval.p_value(bad / n, n, allowed) == pytest.approx(
        scipy.stats.binom.sf(bad - 1, n, allowed), rel=1e-5, abs=1e-12
    )


@given(n=st.floats(20, 1e5), share=st.floats(0, 0.99), worse=st.floats(0, 0.01))
def test_a_worse_share_never_lowers_a_bound(n: float, share: float, worse: float) -> None:
    for bound in (interval.upper_share, interval.lower_share):
        assert bound(min(1, share + worse), n, 0.01) >= bound(share, n, 0.01) - 1e-9


@pytest.mark.parametrize(("q", "least"), [(0.9, 44), (0.95, 90), (0.99, 459), (0.999, 4603)])
def test_the_least_sample_that_can_pass(q: float, least: int) -> None:
    assert math.ceil(interval.fewest_to_pass(1 - q, 0.01)) == least
    assert interval.upper_share(0, least, 0.01) <= 1 - q + 1e-12 < interval.upper_share(0, least - 1, 0.01)


def test_independent_requests_have_a_design_effect_near_one() -> None:
    rng = np.random.default_rng(1)
    effects = [interval.block_effect(rng.random(20_000) < 0.02) for _ in range(200)]
    assert np.mean(effects) == pytest.approx(1, abs=0.1)


def test_requests_that_come_in_equal_tens_carry_a_tenth_of_the_information() -> None:
    rng = np.random.default_rng(2)
    effects = [interval.block_effect(np.repeat(rng.random(2000) < 0.05, 10)) for _ in range(200)]
    assert np.mean(effects) == pytest.approx(10, rel=0.1)


def test_the_ladder_sees_correlation_below_the_limit() -> None:
    """Nothing is bad yet, but latencies move in waves: the design effect must not be one."""
    values = 1 + np.sin(np.arange(20_000) / 2000)
    assert interval.design_effect(values > 5, values, 0.99) > 100


def test_few_requests_have_no_blocks() -> None:
    assert interval.block_effect(np.array([True, False] * 9)) == 0
    assert interval.design_effect(np.array([True, False] * 9), None, 0.95) == 1


def test_small_samples_of_blocks_cost_a_fifth() -> None:
    assert interval.small_sample_factor(0.01) == pytest.approx(1.19, abs=0.005)


def test_the_percentiles_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(300):
        _, low, high = interval.woodruff(rng.exponential(1, 2000), 0.95, 2000, 0.01)
        missed += not low <= math.log(20) <= high
    assert missed <= 15  # two sides at 1 % each: 6 expected of 300


def test_how_many_decide() -> None:
    assert interval.needed(0.05, 0.05, 1, 0.01) is None
    assert 459 <= (interval.needed(0, 0.01, 1, 0.01) or 0) < 1000
    near, far = (interval.needed(p, 0.01, 1, 0.01) or 0 for p in (0.009, 0.002))
    assert near > 20 * far
    assert (interval.needed(0.009, 0.01, 3, 0.01) or 0) == pytest.approx(3 * near)
