import numpy as np
import pandas as pd
import pytest

from harness.errors import UsageError
from harness.forecast import Level, Spread, Uplift, forecast_peak, generate_history, read_history
from harness.forecast.daygrid import DayGrid
from harness.forecast.growth import draws_of_levels, grown_levels, levels_of_draws, uplift_factors
from harness.forecast.streams import stream

GRID = DayGrid(np.ones((14, 24)), 3600.0, pd.Timestamp("2026-05-18T00:00").value)
HISTORY = read_history(generate_history(42, days=28), "h.csv")


def test_the_three_estimates_are_the_quantiles_they_say():
    draws = Spread(0.8, 1.2, 3.0).draw(stream(1, "x"), 200_000)
    assert np.quantile(draws, [0.1, 0.5, 0.9]) == pytest.approx([0.8, 1.2, 3.0], rel=0.02)
    assert np.all(Spread(2, 2, 2).draw(stream(1, "x"), 10) == 2)


@pytest.mark.parametrize("estimates", [(0, 1, 2), (2, 1, 3), (1, 3, 2), (1, 1, float("inf")), (float("nan"), 1, 2)])
def test_estimates_that_make_no_sense(estimates):
    with pytest.raises(UsageError, match="ascend"):
        Spread(*estimates)


def test_certain_growth_scales_every_level():
    scores = np.array([0.9, 1.0, 1.1])
    assert [level.peak_per_s for level in grown_levels(scores, 10.0, Spread(2, 2, 2), 1)] == pytest.approx([18, 20, 22])


def test_uncertain_growth_widens_and_certifies_no_more_than_the_history():
    scores = np.linspace(0.9, 1.1, 19)
    sure = {level.quantile: level.peak_per_s for level in grown_levels(scores, 10.0, Spread(1.5, 1.5, 1.5), 1)}
    unsure = {level.quantile: level.peak_per_s for level in grown_levels(scores, 10.0, Spread(1.1, 1.5, 2.5), 1)}
    assert max(unsure) == 0.95
    assert unsure[0.9] > 1.3 * sure[0.9]
    assert unsure[0.5] == pytest.approx(15, rel=0.08)
    assert max(level.quantile for level in grown_levels(scores[:9], 10.0, Spread(1, 2, 3), 1)) <= 0.9


def test_levels_of_infinite_draws_stop_where_they_begin():
    draws = np.append(np.arange(1.0, 81), np.full(20, np.inf))
    assert max(level.quantile for level in levels_of_draws(draws)) == 0.8


def test_draws_of_levels_are_on_the_safe_side():
    levels = (Level(0.5, 10.0), Level(0.9, 20.0))
    draws = draws_of_levels(levels, 5.0, stream(1, "x"))
    assert np.mean(draws == 10) == pytest.approx(0.5, abs=0.02)
    assert np.mean(draws == 20) == pytest.approx(0.4, abs=0.02)
    assert np.mean(np.isinf(draws)) == pytest.approx(0.1, abs=0.02)


def test_an_uplift_falls_on_its_hours_only():
    factors = uplift_factors([Uplift("sale", "2026-05-19T09:00", "2026-05-19T11:00", 3.0)], GRID, 7)
    assert factors.shape == (7, 24)
    assert np.argwhere(factors == 3).tolist() == [[1, 9], [1, 10]]
    both = [Uplift("a", "2026-05-19T09:00", "2026-05-19T11:00", 3.0), Uplift("b", "2026-05-19", "2026-05-20", 2.0)]
    assert uplift_factors(both, GRID, 7)[1, 8:12].tolist() == [2, 6, 6, 2]


@pytest.mark.parametrize(
    ("uplift", "says"),
    [
        (Uplift("sale", "2026-07-19", "2026-07-20", 3.0), "outside the horizon"),
        (Uplift("sale", "soon", "later", 3.0), "not times"),
        (Uplift("sale", "2026-05-20", "2026-05-19", 3.0), "from 2026-05-20"),
        (Uplift("sale", "2026-05-19", "2026-05-20", 0.0), "times 0"),
    ],
)
def test_uplifts_that_cannot_be(uplift, says):
    with pytest.raises(UsageError, match=says):
        uplift_factors([uplift], GRID, 7)


def test_a_clock_without_dates_takes_no_uplift():
    with pytest.raises(UsageError, match="no dates"):
        uplift_factors([Uplift("sale", "2026-05-19", "2026-05-20", 2.0)], DayGrid(np.ones((14, 24)), 3600.0, None), 7)


def test_an_event_moves_the_peak_to_its_day():
    plain = forecast_peak(HISTORY, 0.8).peak
    sale = forecast_peak(HISTORY, 0.8, uplifts=[Uplift("sale", "2026-06-06T12:00", "2026-06-06T18:00", 5.0)]).peak
    assert "Sat 2026-06-06" in sale.sentence
    assert sale.peak_per_s() > 1.5 * plain.peak_per_s()
    assert any("sale: times 5" in note for note in sale.notes)


def test_growth_in_three_estimates_through_the_door():
    peak = forecast_peak(HISTORY, 0.8, growth=Spread(1.2, 1.5, 2.5)).peak
    sure = forecast_peak(HISTORY, 0.8, growth=1.5).peak
    assert peak.peak_per_s() > sure.peak_per_s()
    assert peak.expected_peak_per_s == pytest.approx(sure.expected_peak_per_s)
    assert any("is an estimate" in note for note in peak.notes)
