import numpy as np
import pandas as pd
import pytest

from harness.errors import UsageError
from harness.forecast import forecast_peak, generate_history, read_history
from harness.forecast.history import History, Intake


def history(days: np.ndarray, bucket_s: float = 3600.0) -> History:
    start = pd.Timestamp("2026-01-05T00:00:00Z").value
    return History("h.csv", "table", start, bucket_s, days.reshape(-1) * bucket_s, Intake(0, 0))


def weeks(count: int, noise: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    week = np.array([1.0, 1.2, 1.0, 0.9, 0.8, 0.4, 0.3])
    profile = 10 + 8 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    days = np.array([week[d % 7] * profile for d in range(count)])
    return days * np.exp(rng.normal(0, noise, (count, 1)))


def test_the_busiest_day_of_the_week_is_found_with_its_chance():
    forecast = forecast_peak(history(weeks(56, 0.05)), quantile=0.9)
    peak = forecast.peak
    assert "Tue 2026-03-03" in peak.sentence
    assert peak.sentence.startswith("the 90 % peak is ")
    assert peak.label == "PREDICTABLE"
    assert peak.expected_peak_per_s == pytest.approx(18 * 1.2, rel=0.05)
    assert peak.expected_peak_per_s < peak.peak_per_s() < 1.25 * peak.expected_peak_per_s
    assert peak.provenance["lead_days"] == 2
    assert peak.provenance["backtest_days"] == 30


def test_a_short_history_certifies_what_it_can_and_says_so():
    forecast = forecast_peak(history(weeks(14, 0.05)), quantile=0.99)
    assert forecast.peak.quantile == forecast.scores.size / (forecast.scores.size + 1)
    assert forecast.peak.quantile_asked == 0.99
    assert forecast.peak.level().peak_per_s == max(level.peak_per_s for level in forecast.peak.levels)
    assert any("99 are needed" in note for note in forecast.peak.notes)
    assert "99 %" not in forecast.peak.sentence


def test_wild_traffic_is_unpredictable_and_gets_multiples():
    rng = np.random.default_rng(5)
    wild = weeks(40, 0.05)
    wild[np.arange(40), rng.integers(0, 24, 40)] *= rng.pareto(1.0, 40) * 3 + 1
    peak = forecast_peak(history(wild)).peak
    assert peak.label == "UNPREDICTABLE"
    assert any("multiples" in note for note in peak.notes)


def test_the_ramps_are_those_of_a_real_day():
    days = weeks(35, 0.05)
    days[:, 9] *= 0.5  # a dip at nine that every day has
    forecast = forecast_peak(history(days))
    donor = forecast.peak.rates_per_s
    match = [np.allclose(donor / donor.max(), day / day.max()) for day in days]
    assert any(match)


def test_growth_scales_the_peak():
    plain, grown = (forecast_peak(history(weeks(35, 0.05)), growth=g).peak.peak_per_s() for g in (1.0, 1.5))
    assert grown == pytest.approx(1.5 * plain)


def test_the_fan_is_an_interval_for_every_bucket():
    fan = forecast_peak(history(weeks(35, 0.1))).fan
    assert fan.expected_per_s.shape == (7 * 24,)
    assert np.all((fan.lower_per_s <= fan.expected_per_s) & (fan.expected_per_s <= fan.upper_per_s))
    assert np.mean(fan.upper_per_s / fan.expected_per_s) > 1.05


def test_gaps_do_not_bend_the_forecast():
    days = weeks(35, 0.05)
    whole = forecast_peak(history(days)).peak.peak_per_s()
    days[20, 3:9] = np.nan
    days[33, 12] = np.nan
    assert forecast_peak(history(days)).peak.peak_per_s() == pytest.approx(whole, rel=0.05)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_a_few_days_are_a_few_days(count):
    peak = forecast_peak(history(weeks(count, 0.05))).peak
    assert (peak.label == "OBSERVED") == (count < 2)
    assert peak.peak_per_s() > 0
    if peak.quantile is not None:
        assert peak.quantile < 0.9


def test_nothing_is_not_a_forecast():
    with pytest.raises(UsageError, match="no requests"):
        forecast_peak(history(np.zeros((3, 24))))


@pytest.mark.parametrize(
    "arguments", [{"quantile": 1.0}, {"quantile": 0.0}, {"growth": 0.0}, {"growth": float("nan")}, {"horizon_days": 0}]
)
def test_arguments_out_of_range(arguments):
    with pytest.raises(UsageError):
        forecast_peak(read_history(generate_history(1, days=3), "h.csv"), **arguments)
