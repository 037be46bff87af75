import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import (
    Bass,
    Launch,
    Logistic,
    Spread,
    forecast_peak,
    generate_history,
    launch_peak,
    on_top,
    peak_from_json,
    peak_to_json,
    read_history,
    shape_from_peak,
)
from harness.forecast.launch import launch_draws


def exactly(value: float) -> Spread:
    return Spread(value, value, value)


SURE = Launch(
    seats=exactly(36_000),
    reach=exactly(0.5),
    adoption=None,
    sessions_per_day=exactly(2),
    requests_per_session=exactly(5),
    attempts=exactly(1.1),
    busy_hour_share=exactly(0.125),
    minute_over_hour=exactly(1.2),
)
PLAN = Launch(Spread(8e3, 1e4, 1.5e4), Spread(0.3, 0.5, 0.8), Bass(0.03, 0.3), Spread(1, 2, 4), Spread(3, 5, 9))


def test_certain_estimates_are_plain_arithmetic():
    draws = launch_draws(SURE, day=1, seed=1)
    assert np.allclose(draws, 36_000 * 0.5 * 2 * 5 * 1.1 * 0.125 / 3600 * 1.2)
    peak = launch_peak(SURE)
    assert peak.peak_per_s() == pytest.approx(8.25)
    assert peak.expected_peak_per_s == pytest.approx(8.25)


def test_uncertainty_has_a_price():
    peak = launch_peak(PLAN, 0.95)
    assert peak.label == "LAUNCH"
    assert peak.peak_per_s(0.95) > 2 * peak.peak_per_s(0.5)
    assert "from estimates, not from traffic" in peak.sentence
    assert shape_from_peak(peak, slice=600.0).peak_rate_per_s == pytest.approx(peak.peak_per_s(), rel=1e-6)
    assert peak_to_json(peak_from_json(peak_to_json(peak))) == peak_to_json(peak)


def test_it_is_seeded():
    assert np.array_equal(launch_draws(PLAN, 7, 1), launch_draws(PLAN, 7, 1))
    assert not np.array_equal(launch_draws(PLAN, 7, 1), launch_draws(PLAN, 7, 2))


@pytest.mark.parametrize("adoption", [Bass(0.03, 0.38), Logistic(30, 7)])
def test_adoption_grows_from_few_to_all(adoption):
    shares = [adoption.share(day) for day in (0, 10, 30, 60, 1000)]
    assert shares == sorted(shares)
    assert shares[0] < 0.02
    assert shares[-1] == pytest.approx(1)


def test_bass_with_words_of_mouth_only_is_slow_at_first():
    assert Bass(0.03, 0.38).share(1) == pytest.approx(0.03, rel=0.3)
    assert Logistic(30, 7).share(30) == 0.5


def test_later_is_more():
    assert launch_peak(PLAN, day=28).peak_per_s() > 2 * launch_peak(PLAN, day=3).peak_per_s()


def test_a_launch_on_top_of_traffic():
    base = forecast_peak(read_history(generate_history(42, days=35), "h.csv"), 0.9).peak
    both = on_top(base, launch_peak(SURE), 0.9)
    assert both.peak_per_s() == pytest.approx(base.peak_per_s() + 8.25, rel=0.05)
    assert both.expected_peak_per_s == pytest.approx(base.expected_peak_per_s + 8.25)
    assert both.quantile <= 0.9
    assert max(level.quantile for level in both.levels) <= max(level.quantile for level in base.levels)
    assert peak_from_json(peak_to_json(both)).label == base.label


def test_a_launch_needs_a_day_to_stand_on():
    observed = forecast_peak(read_history(generate_history(1, days=1), "h.csv")).peak
    with pytest.raises(UsageError, match="forecast day"):
        on_top(observed, launch_peak(SURE), 0.9)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(UsageError, match="quantile"):
        launch_peak(PLAN, 0.999)
