import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.forecast.conformal import Level, certified, level_at, levels_of, upper_factor


@pytest.mark.parametrize(("size", "quantile", "rank"), [(19, 0.95, 19), (39, 0.95, 38), (9, 0.9, 9), (99, 0.5, 50)])
def test_the_rank_is_the_exact_one(size, quantile, rank):
    scores = np.arange(1.0, size + 1)[::-1]
    assert upper_factor(scores, quantile) == rank


def test_beyond_what_is_certified_there_is_no_number():
    assert upper_factor(np.arange(1.0, 19), 0.95) == math.inf  # 18 scores certify 18/19
    assert certified(18) < 0.95 <= certified(19)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_levels_are_the_same_rule(scores, quantile):
    levels = levels_of(np.array(scores), 100.0)
    level = level_at(levels, quantile)
    factor = upper_factor(np.array(scores), quantile)
    assert (level is None) == math.isinf(factor)
    if level is not None:
        assert level.peak_per_s == pytest.approx(factor * 100)
        assert level.quantile >= quantile - 1e-9


def test_coverage_is_what_is_promised_on_exchangeable_scores():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(4000):
        draws = rng.lognormal(0, 1, 40)
        hits += draws[-1] <= upper_factor(draws[:-1], 0.9)
    assert 0.885 < hits / 4000 < 0.915


def test_levels_are_found_at_or_above():
    levels = (Level(0.5, 1.0), Level(0.75, 2.0))
    assert level_at(levels, 0.5) == levels[0]
    assert level_at(levels, 0.51) == levels[1]
    assert level_at(levels, 0.76) is None
