import numpy as np
import pytest

from harness.forecast.burst import (
    PRESETS,
    dispersion_index,
    fit_burst,
    model_index,
    peak_ratios,
    worst_second_per_s,
)
from harness.forecast.processes import cox_times, poisson_times
from harness.forecast.shape import Burst
from harness.forecast.streams import stream

HOUR = np.array([0.0, 3600.0])


def drawn(burst: Burst, rate: float, seed: int, hours: int = 10) -> np.ndarray:
    return cox_times(HOUR * hours, np.full(2, rate), burst, stream(seed, "test"))


def test_poisson_has_index_one_at_every_window():
    times = poisson_times(HOUR, np.full(2, 20.0), stream(1, "test"))
    assert dispersion_index(times, 3600, 1.0) == pytest.approx(1, abs=0.08)
    assert dispersion_index(times, 3600, 60.0) == pytest.approx(1, abs=0.5)


def test_even_arrivals_have_index_zero_and_clumps_their_size():
    even = np.arange(0, 3600, 0.05)
    assert dispersion_index(even, 3600, 1.0) < 0.05
    clumps = np.repeat(poisson_times(HOUR, np.full(2, 2.0), stream(4, "test")), 5)
    assert dispersion_index(clumps, 3600, 1.0) == pytest.approx(5, rel=0.15)


def test_the_days_own_rise_is_no_burst():
    day = np.array([0.0, 43_200, 86_400])
    times = poisson_times(day, np.array([1.0, 20.0, 1.0]), stream(2, "test"))
    assert dispersion_index(times, 86_400, 1.0) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("burst", [Burst(0.5, 3.0), Burst(0.2, 20.0), Burst(1.0, 2.0)])
def test_the_model_predicts_the_index_of_its_own_arrivals(burst):
    times = drawn(burst, 10.0, 3, hours=20)
    for window in (1.0, 10.0, 60.0):
        measured = dispersion_index(times, 20 * 3600, window)
        assert measured == pytest.approx(model_index(burst, 10.0, window), rel=0.2), window


@pytest.mark.parametrize("burst", [Burst(0.5, 3.0), Burst(0.3, 20.0)])
def test_the_fit_finds_what_was_planted(burst):
    fitted = fit_burst(drawn(burst, 10.0, 5, hours=30), 30 * 3600)
    assert fitted.variance == pytest.approx(burst.variance, rel=0.3)
    assert fitted.tau_s == pytest.approx(burst.tau_s, rel=0.4)


def test_poisson_is_fitted_as_almost_nothing():
    times = poisson_times(HOUR * 3, np.full(2, 20.0), stream(6, "test"))
    assert model_index(fit_burst(times, 3 * 3600), 20.0, 1.0) < 1.1


def test_even_arrivals_are_fitted_as_poisson_not_as_a_crash():
    assert fit_burst(np.arange(0, 3600, 0.1), 3600).variance == 0


def test_too_short_a_recording_says_so():
    with pytest.raises(ValueError, match="600 s"):
        fit_burst(np.arange(0.0, 100.0), 100.0)


def test_the_worst_second_grows_with_the_burst():
    poisson = worst_second_per_s(10.0, None)
    assert 16 < poisson < 22
    assert worst_second_per_s(10.0, PRESETS["code"]) > 2 * poisson
    assert worst_second_per_s(0.0, None) == 0


def test_peak_ratios_are_of_minutes_with_arrivals():
    ratios = peak_ratios(np.array([0.5, 0.6, 30.0, 130.0]), 180.0)
    assert list(ratios) == [2 / (3 / 60), 1 / (1 / 60)]
