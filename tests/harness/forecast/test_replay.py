import numpy as np
import pytest

from harness.forecast.burst import dispersion_index
from harness.forecast.processes import cox_times, poisson_times
from harness.forecast.replay import BLOCK_S, compress, multiply
from harness.forecast.shape import Burst
from harness.forecast.streams import stream

HOURS = 4 * 3600.0
FLAT = (np.array([0.0, HOURS]), np.array([6.0, 6.0]))
POISSON = poisson_times(*FLAT, stream(1, "tape"))
BURSTY = cox_times(*FLAT, Burst(1.0, 5.0), stream(2, "tape"))


def test_at_its_own_rate_a_replay_is_the_recording():
    times, source = multiply(POISSON, HOURS, 1.0, seed=3)
    assert times is POISSON
    assert np.array_equal(source, np.arange(POISSON.size))


@pytest.mark.parametrize("factor", [0.3, 0.5, 2.0, 3.0, 2.5])
def test_the_count_is_multiplied(factor):
    for tape in (POISSON, BURSTY):
        times, _ = multiply(tape, HOURS, factor, seed=3)
        assert times.size == pytest.approx(factor * tape.size, rel=0.03)
        assert np.all(np.diff(times) >= 0)
        assert times[-1] < HOURS


def test_multiplied_poisson_is_still_poisson_and_no_gap_is_cloned():
    times, _ = multiply(POISSON, HOURS, 3.0, seed=3)
    assert dispersion_index(times, HOURS, 1.0) == pytest.approx(1.0, abs=0.12)
    # Cloning (each arrival three times, here with a millisecond between) is what it must not be:
    cloned = np.sort(np.concatenate([POISSON, POISSON + 0.001, POISSON + 0.002]))
    assert dispersion_index(cloned, HOURS, 1.0) > 2.5
    gaps = np.diff(times)
    assert np.mean(gaps) / np.std(gaps) == pytest.approx(1.0, abs=0.05)  # exponential
    assert np.unique(np.round(gaps, 9)).size > 0.99 * gaps.size


def test_a_crowd_becomes_a_larger_crowd_at_the_same_moment():
    excess = dispersion_index(BURSTY, HOURS, 1.0) - 1
    times, _ = multiply(BURSTY, HOURS, 3.0, seed=3)
    assert dispersion_index(times, HOURS, 1.0) - 1 == pytest.approx(3 * excess, rel=0.15)
    before, after = (np.bincount((t / 10).astype(int), minlength=1440) for t in (BURSTY, times))
    assert np.corrcoef(before, after)[0, 1] > 0.95


def test_recorded_arrivals_stay_and_extra_ones_are_like_those_near_in_time():
    times, source = multiply(POISSON, HOURS, 2.0, seed=3)
    assert np.isin(POISSON, times).all()
    own = np.isin(times, POISSON)
    assert np.array_equal(POISSON[source[own]], times[own])
    assert np.abs(POISSON[source[~own]] - times[~own]).max() < 30  # like a neighbour in time


def test_thinning_knows_which_arrivals_it_kept():
    times, source = multiply(POISSON, HOURS, 0.4, seed=3)
    assert np.array_equal(POISSON[source], times)


def test_it_is_seeded():
    one, same, other = (multiply(BURSTY, HOURS, 2.0, seed=s)[0] for s in (3, 3, 4))
    assert np.array_equal(one, same)
    assert not np.array_equal(one[:500], other[:500])


def test_faster_time_keeps_the_rate_and_the_gaps():
    times, source = compress(POISSON, 6.0)
    assert times[-1] < HOURS / 6
    assert times.size / (HOURS / 6) == pytest.approx(POISSON.size / HOURS, rel=0.05)
    assert dispersion_index(times, HOURS / 6, 1.0) == pytest.approx(1.0, abs=0.12)
    same_block = np.floor(times[:-1] / BLOCK_S) == np.floor(times[1:] / BLOCK_S)
    original = np.diff(POISSON[source])
    assert np.allclose(np.diff(times)[same_block], original[same_block])


def test_the_ramp_comes_faster():
    rising = poisson_times(np.array([0.0, HOURS]), np.array([0.0, 20.0]), stream(5, "tape"))
    times, _ = compress(rising, 4.0)
    last = times > HOURS / 4 - 300
    assert last.sum() / 300 == pytest.approx(19.2, rel=0.1)


def test_nothing_multiplied_is_nothing():
    assert multiply(np.empty(0), 10.0, 3.0, seed=1)[0].size == 0
