import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.forecast.processes import (
    cox_times,
    deterministic_times,
    draw_levels,
    modulate,
    poisson_times,
    total_area,
)
from harness.forecast.shape import Burst
from harness.forecast.streams import stream

FLAT = (np.array([0.0, 1000.0]), np.array([50.0, 50.0]))


def index(times: np.ndarray, window_s: float, duration_s: float) -> float:
    counts = np.bincount((times / window_s).astype(int), minlength=int(duration_s / window_s))
    return float(counts.var() / counts.mean())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 60), st.floats(0, 100)), min_size=2, max_size=6), st.integers(0, 2**32))
def test_the_count_is_the_area(pairs, seed):
    knots = np.cumsum([0.0, *(width for width, _ in pairs[1:])])
    rates = np.array([rate for _, rate in pairs])
    area = total_area(knots, rates)
    even = deterministic_times(knots, rates)
    assert abs(even.size - area) <= 0.5 + 1e-6
    drawn = poisson_times(knots, rates, stream(seed, "arrivals"))
    assert abs(drawn.size - area) <= 6 * math.sqrt(area) + 6  # six sigma: once in a billion
    for times in (even, drawn):
        assert np.all(np.diff(times) >= 0)
        assert times.size == 0 or (times[0] >= 0 and times[-1] <= knots[-1])


def test_even_arrivals_are_even():
    times = deterministic_times(np.array([0.0, 10.0]), np.array([20.0, 20.0]))
    assert times.size == 200
    assert times[0] == pytest.approx(0.025)
    assert np.allclose(np.diff(times), 0.05)


def test_a_poisson_count_is_random_and_its_dispersion_is_one():
    counts = [poisson_times(*FLAT, stream(seed, "arrivals")).size for seed in range(100)]
    assert len(set(counts)) > 50
    assert 0.65 < np.var(counts) / np.mean(counts) < 1.45
    assert 0.85 < index(poisson_times(*FLAT, stream(1, "arrivals")), 1.0, 1000) < 1.15


def test_poisson_gaps_are_exponential():
    gaps = np.diff(poisson_times(*FLAT, stream(5, "arrivals")))
    assert np.mean(gaps) == pytest.approx(1 / 50, rel=0.03)
    assert np.mean(gaps > 1 / 50) == pytest.approx(math.exp(-1), abs=0.01)


def test_levels_have_mean_one_and_the_asked_variance():
    edges, levels = draw_levels(Burst(0.5, 2.0), 400_000.0, stream(2, "levels"))
    lengths = np.diff(np.concatenate([[0.0], edges, [400_000.0]]))
    share = lengths / lengths.sum()
    mean = float(np.sum(share * levels))
    assert mean == pytest.approx(1.0, abs=0.02)
    flicker = 0.9 * 0.015 / (0.9 * 0.015 + 0.1)  # 12 % of the time flickers, at 8 times the variance
    expected = 0.5 * (1 - flicker) + 8 * 0.5 * flicker
    assert float(np.sum(share * (levels - mean) ** 2)) == pytest.approx(expected, rel=0.1)


def test_a_cox_process_keeps_the_mean_and_is_over_dispersed():
    long = (np.array([0.0, 40_000.0]), np.array([20.0, 20.0]))
    times = cox_times(*long, Burst(0.2, 5.0), stream(3, "arrivals"))
    assert times.size == pytest.approx(800_000, rel=0.02)
    assert index(times, 1.0, 40_000) > 3
    assert index(cox_times(*long, Burst(0.0, 5.0), stream(3, "arrivals")), 1.0, 40_000) == pytest.approx(1, abs=0.05)


def test_modulation_multiplies_exactly():
    knots, rates = np.array([0.0, 10.0, 10.0, 20.0]), np.array([0.0, 10.0, 4.0, 4.0])
    times, out = modulate(knots, rates, np.array([5.0, 12.0]), np.array([2.0, 1.0, 0.5]))
    assert total_area(times, out) == pytest.approx(2 * 12.5 + 1 * 37.5 + 1 * 8 + 0.5 * 32)
    assert np.all(np.diff(times) >= 0)


def test_a_seed_is_a_plan_and_another_seed_another():
    first, again = (poisson_times(*FLAT, stream(7, "arrivals")) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:100], poisson_times(*FLAT, stream(8, "arrivals"))[:100])


def test_a_rate_of_zero_is_allowed():
    assert poisson_times(np.array([0.0, 10.0]), np.zeros(2), stream(1, "arrivals")).size == 0
    assert deterministic_times(np.array([0.0, 10.0]), np.zeros(2)).size == 0
