"""Public traffic, where it is at hand: PEAKPROOF_SHARED_DATA, else ../shared/data beside the repository."""

import os
from pathlib import Path

import numpy as np
import pytest

from harness.forecast import (
    forecast_peak,
    peak_from_json,
    peak_to_json,
    plan_arrivals,
    read_history,
    shape_from_peak,
)
from harness.forecast.burst import fit_burst, peak_ratios
from harness.forecast.processes import cox_times
from harness.forecast.streams import stream

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("PEAKPROOF_SHARED_DATA", ROOT.parent / "shared" / "data"))


def load(name):
    path = FOLDER / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not at hand: set PEAKPROOF_SHARED_DATA")
    return read_history(path.read_text(), path.name)


@pytest.mark.parametrize(("name", "rows"), [("azure_llm_2023_conv", 19_366), ("azure_llm_2023_code", 8_819)])
def test_the_azure_traces_are_observed_shapes_replayed_as_they_were(name, rows):
    history = load(name)
    assert history.format == "azure-llm"
    assert history.intake.rows_in == history.intake.rows_used == rows
    peak = peak_from_json(peak_to_json(forecast_peak(history).peak))
    assert peak.sentence.startswith("observed shape, not a forecast")
    shape = shape_from_peak(peak, slice=300.0)
    array = plan_arrivals(shape, ("chat",), 1).array
    replayed = array[array["phase"] == 1]
    offsets = history.requests.offsets_s
    gaps = np.diff(replayed["due_ns"]) / 1e9
    every = np.diff(offsets)
    candidates = np.flatnonzero(np.abs(every[: every.size - gaps.size + 1] - gaps[0]) < 3e-6)
    found = [i for i in candidates if np.allclose(every[i : i + gaps.size], gaps, atol=3e-6)]
    assert len(found) == 1
    own = history.requests.tokens[found[0] : found[0] + replayed.size]
    assert np.array_equal(np.column_stack([replayed["tokens_in"], replayed["tokens_out"]]), own)
    windows = np.searchsorted(offsets, offsets + 300.0) - np.arange(offsets.size)
    assert abs(replayed.size - windows.max()) <= 1  # the busiest five minutes


def test_three_times_the_production_hour():
    peak = forecast_peak(load("azure_llm_2023_conv")).peak
    one, three = (plan_arrivals(shape_from_peak(peak, slice=300.0, rate_scale=m), ("chat",), 1) for m in (1.0, 3.0))
    assert len(three) == pytest.approx(3 * len(one), rel=0.05)


@pytest.mark.parametrize("name", ["azure_llm_2023_conv", "azure_llm_2023_code"])
def test_the_fitted_bursts_are_as_high_as_the_real_ones(name):
    offsets = load(name).requests.offsets_s
    span = float(offsets[-1])
    flat = np.full(2, offsets.size / span)
    burst = fit_burst(offsets, span)
    drawn = [peak_ratios(cox_times(np.array([0, span]), flat, burst, stream(s, "t")), span) for s in range(12)]
    real = np.quantile(peak_ratios(offsets, span), [0.5, 0.95])
    assert np.quantile(np.concatenate(drawn), [0.5, 0.95]) == pytest.approx(real, rel=0.25)


@pytest.mark.parametrize(
    ("name", "label", "gaps"),
    [
        ("servegen_m-large_10min", None, 0),
        ("nab_elb_request_count", "UNPREDICTABLE", 8),
        ("nab_twitter_GOOG", "UNPREDICTABLE", 0),
    ],
)
def test_long_series_are_forecast_with_their_honesty(name, label, gaps):
    history = load(name)
    forecast = forecast_peak(history)
    assert np.isnan(history.counts).sum() == gaps
    assert label is None or forecast.peak.label == label
    assert forecast.peak.quantile <= 0.95
    assert forecast.backtest.wape(forecast.model) <= forecast.backtest.wape("weekly naive")
