from pathlib import Path

import numpy as np
import pytest

from harness.forecast import forecast_peak, generate_history, read_history


@pytest.fixture(scope="module")
def history():
    return read_history(generate_history(42), "demo.csv")


def test_two_weeks_in_five_minute_buckets(history):
    assert (history.bucket_s, history.counts.size) == (300, 14 * 288)
    assert history.gap_share == 0
    assert history.intake.rows_in == history.intake.rows_used


def test_the_peak_is_near_what_was_asked(history):
    assert 17 < np.max(history.rates_per_s) < 24
    big = read_history(generate_history(42, peak_per_s=200), "demo.csv")
    assert 170 < np.max(big.rates_per_s) < 240


def test_it_has_days_weekends_and_noise(history):
    days = history.rates_per_s.reshape(14, 288)
    assert days[:, 48].max() < 0.25 * days.max()  # four in the morning
    assert days[5:7].max() < 0.6 * days[:5].max()  # the weekend
    assert np.std(days[0] - days[7]) > 0.1  # no week repeats


def test_it_is_seeded():
    assert generate_history(1, days=2) == generate_history(1, days=2)
    assert generate_history(1, days=2) != generate_history(2, days=2)


def test_it_can_be_forecast(history):
    forecast = forecast_peak(history)
    assert forecast.peak.label == "PREDICTABLE"
    assert 17 < forecast.peak.peak_per_s() < 26


def test_the_bundled_example_is_what_is_generated():
    bundled = Path(__file__).resolve().parents[3] / "examples" / "history.csv"
    assert bundled.read_text() == generate_history(42)
