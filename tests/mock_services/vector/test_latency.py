from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.vector.latency import SearchClock, SearchCost, filter_cost, mean_search_s

COST = SearchCost()


@given(st.integers(2, 10**9), st.integers(1, 1000), st.integers(0, 10**6))
def test_more_of_anything_never_takes_less_time(size: int, top_k: int, sent: int) -> None:
    base = mean_search_s(COST, size=size, top_k=top_k, sent_bytes=sent)
    assert mean_search_s(COST, size=2 * size, top_k=top_k, sent_bytes=sent) > base
    assert mean_search_s(COST, size=size, top_k=top_k + 500, sent_bytes=sent) >= base
    assert mean_search_s(COST, size=size, top_k=top_k, sent_bytes=sent + 1000) > base


@given(st.floats(0, 1))
def test_a_filter_is_cheap_at_the_ends_and_dearest_in_the_middle(passing: float) -> None:
    assert 1 <= filter_cost(passing, 3.0) <= 3.0
    assert filter_cost(0.5, 3.0) == 3.0
    assert filter_cost(1.0, 3.0) == filter_cost(0.0, 3.0) == 1.0


def test_the_spread_is_around_the_mean_and_stalls_are_as_rare_as_said() -> None:
    clock = SearchClock(seed=1)
    cost = SearchCost(stall_share=0.05, stall_factor=10, spread=0.1)
    drawn = np.asarray([clock.duration_s(cost, size=10**6, top_k=10, passing=1, sent_bytes=0) for _ in range(4000)])
    mean_s = mean_search_s(cost, size=10**6, top_k=10)
    assert np.median(drawn) == pytest.approx(mean_s, rel=0.02)
    assert np.mean(drawn > 4 * mean_s) == pytest.approx(0.05, abs=0.015)


def test_without_randomness_it_is_the_model() -> None:
    cost = SearchCost(spread=0, stall_share=0)
    drawn = SearchClock(1).duration_s(cost, size=1000, top_k=5, passing=0.5, sent_bytes=100)
    assert drawn == mean_search_s(cost, size=1000, top_k=5, passing=0.5, sent_bytes=100)
