import numpy as np
import pandas as pd
import pytest

from harness.forecast.daygrid import day_grid, filled
from harness.forecast.history import History, Intake


def history(counts, bucket_s=3600.0, start="2026-03-27T00:00:00Z", timezone="UTC"):
    counts = np.asarray(counts, float)
    start_ns = None if start is None else pd.Timestamp(start).value
    return History("h", "table", start_ns, bucket_s, counts, Intake(0, 0), timezone=timezone)


def test_days_are_counted_back_from_the_end():
    grid = day_grid(history(np.arange(55)))
    assert grid.rates_per_s.shape == (2, 24)
    assert grid.rates_per_s[1, -1] * 3600 == 54
    assert grid.rates_per_s[0, 0] * 3600 == 7
    assert day_grid(history(np.arange(20))).days == 0


def test_days_have_names():
    grid = day_grid(history(np.ones(48)))
    assert [grid.day_label(d) for d in range(3)] == ["Fri 2026-03-27", "Sat 2026-03-28", "Sun 2026-03-29"]
    assert day_grid(history(np.ones(48), start=None)).day_label(2) == "day 3"


def test_a_bucket_that_does_not_divide_a_day_is_shared_out():
    grid = day_grid(history(np.full(3000, 420.0), bucket_s=420.0 / 4.1))
    assert grid.bucket_s == 300
    assert np.allclose(grid.rates_per_s, 4.1)
    gappy = np.full(3000, 420.0)
    gappy[2990] = np.nan
    assert np.isnan(day_grid(history(gappy, bucket_s=420.0 / 4.1)).rates_per_s).sum() in {1, 2}


def test_a_clock_change_loses_or_doubles_an_hour_of_the_wall_clock():
    # Berlin: 2026-03-29 has no 02:00, 2026-10-25 has it twice.
    grid = day_grid(history(np.arange(71.0), start="2026-03-28T23:00:00Z", timezone="Europe/Berlin"))
    assert grid.rates_per_s.shape == (3, 24)
    assert grid.end_wall_ns == pd.Timestamp("2026-04-01T00:00").value
    assert np.isnan(grid.rates_per_s[0, 2])
    assert grid.rates_per_s[0, 3] * 3600 == 2
    autumn = day_grid(history(np.arange(73.0), start="2026-10-23T22:00:00Z", timezone="Europe/Berlin"))
    assert autumn.rates_per_s.shape == (3, 24)
    assert autumn.rates_per_s[1, 2] * 3600 == pytest.approx((26 + 27) / 2)


def test_gaps_are_filled_for_models_from_what_is_most_alike():
    days = np.arange(9.0)[:, None] * 10 + np.arange(4.0)
    days[8, 1] = np.nan
    assert filled(days)[8, 1] == 11  # the same weekday
    days[1, 2] = np.nan
    assert filled(days)[1, 2] == 2  # the day before
    days[:, 3] = np.nan
    assert np.isfinite(filled(days)).all()
    assert np.all(filled(days * np.nan) == 0)  # nothing known at all
