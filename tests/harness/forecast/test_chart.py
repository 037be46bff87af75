import numpy as np
import pytest

from harness.forecast import chart_data, chart_text, forecast_peak, generate_history, read_history

FORECAST = forecast_peak(read_history(generate_history(42, days=28), "h.csv"), 0.9)
OBSERVED = forecast_peak(read_history("t\n" + "\n".join(str(i * 0.9) for i in range(2000)), "r.txt"))


def test_the_peak_survives_the_thinning():
    data = chart_data(FORECAST, 120)
    assert data.history.highest_per_s.max() == FORECAST.history.rates_per_s[-14 * 288 :].max()
    assert data.history.start_s.size + data.expected.start_s.size <= 120
    assert np.all(data.upper_per_s >= data.expected.highest_per_s)
    assert np.all(data.lower_per_s <= data.expected.mean_per_s)
    assert np.all(np.diff(np.concatenate([data.history.start_s, data.expected.start_s])) > 0)


def test_gaps_stay_gaps():
    lines = generate_history(42, days=10).splitlines()
    del lines[1000:1100]
    data = chart_data(forecast_peak(read_history("\n".join(lines), "h.csv")), 400)
    assert np.isnan(data.history.highest_per_s).sum() > 5
    assert "?" in chart_text(forecast_peak(read_history("\n".join(lines), "h.csv")), 300)


@pytest.mark.parametrize("width", [10, 40, 80, 200])
@pytest.mark.parametrize("plain", [False, True])
def test_it_fits_the_terminal(width, plain):
    for forecast in (FORECAST, OBSERVED):
        text = chart_text(forecast, width, plain=plain)
        chart = text.splitlines()[:12]
        assert max(len(line) for line in chart) <= max(width, 40)
        assert text.isascii() or not plain


def test_it_says_what_was_chosen_and_shows_the_peak_line():
    text = chart_text(FORECAST, 90)
    assert "chosen" in text
    assert "weekly naive" in text
    assert "7 days ahead" in text
    assert "╌" in text
    assert any(line.strip().startswith(f"{FORECAST.peak.peak_per_s():.3g}") for line in text.splitlines())


def test_the_columns_are_the_traffic():
    rows = chart_text(FORECAST, 149, plain=True).splitlines()[:10]
    body = [row[9:].ljust(140) for row in rows]
    heights = np.array([sum(row[c] in "#:" for row in body) for c in range(140)])
    data = chart_data(FORECAST, 140)
    rates = np.concatenate([data.history.highest_per_s, data.expected.highest_per_s])
    assert np.corrcoef(heights[: rates.size], rates)[0, 1] > 0.97


def test_an_observed_trace_shows_its_dispersion():
    text = chart_text(OBSERVED, 80)
    assert "index of dispersion" in text
    assert "ahead" not in text
    assert chart_data(OBSERVED).expected is None
