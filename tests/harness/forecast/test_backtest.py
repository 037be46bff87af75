import numpy as np
import pytest

from harness.forecast.backtest import BETTER_BY, run_backtest
from harness.forecast.models import DAILY_NAIVE, WEEKLY_NAIVE, Model, weekly_naive


def days(count: int, noise: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    week = np.array([1.0, 1.1, 1.0, 0.9, 0.8, 0.4, 0.3])
    profile = 10 + 8 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    return np.array([week[d % 7] * profile for d in range(count)]) * np.exp(rng.normal(0, noise, (count, 24)))


def test_noise_is_left_to_the_profile():
    backtest = run_backtest(days(42, 0.4), 1)
    assert backtest.choose() in {"slot profile", "smooth slot profile"}
    assert backtest.wape(backtest.choose()) < 0.85 * backtest.wape(WEEKLY_NAIVE)


def test_the_naive_one_is_kept_where_nothing_is_five_percent_better():
    naive = Model(WEEKLY_NAIVE, 7, weekly_naive)
    rising = days(30, 0.0) * (1.01 ** np.arange(30))[:, None]  # the naive one is 7 % low every day
    much = Model("much better", 7, lambda past, lead: weekly_naive(past, lead) * 1.01**7)
    assert run_backtest(rising, 1, (naive, much)).choose() == "much better"
    slight = Model("slightly better", 7, lambda past, lead: weekly_naive(past, lead) * 1.002)
    backtest = run_backtest(rising, 1, (naive, slight))
    assert 1 - BETTER_BY < backtest.wape("slightly better") / backtest.wape(WEEKLY_NAIVE) < 1
    assert backtest.choose() == WEEKLY_NAIVE


def test_the_calibrated_peak_covers_as_promised():
    noisy = days(250, 0.2, seed=4)
    for quantile in (0.8, 0.9):
        held, spare = run_backtest(noisy, 1).coverage(quantile)
        assert held.size > 170
        spread = np.sqrt(quantile * (1 - quantile) / held.size)
        assert abs(held.mean() - quantile) < 3 * spread
        assert 1 < np.median(spare) < 1.5


def test_coverage_begins_where_the_scores_suffice():
    held, _ = run_backtest(days(30, 0.2), 1, (Model(WEEKLY_NAIVE, 7, weekly_naive),)).coverage(0.9)
    assert held.size == 30 - 7 - 9  # a week for the model, and nine scores for 0.9


def test_a_forecast_knows_only_what_was_known_then():
    seen = []

    def spy(past, lead):
        seen.append((past.shape[0], float(past.max()), lead))
        return past[-1]

    grid = np.arange(10.0)[:, None] * np.ones(24)
    backtest = run_backtest(grid, 3, (Model(DAILY_NAIVE, 2, spy),))
    assert backtest.days == tuple(range(4, 10))
    assert seen == [(d - 2, d - 3, 3) for d in range(4, 10)]


def test_errors_are_of_the_known_slots():
    grid = np.ones((9, 24))
    grid[8, :10] = np.nan
    grid[8, 10:] = 3.0
    backtest = run_backtest(grid, 1)
    assert backtest.track(WEEKLY_NAIVE).error[-1] == pytest.approx(14 * 2)
    assert backtest.wape(WEEKLY_NAIVE) == pytest.approx(28 / (24 + 42))


def test_a_day_hardly_known_is_no_target():
    grid = np.ones((10, 24))
    grid[8, :20] = np.nan
    assert 8 not in run_backtest(grid, 1).days


def test_scores_are_actual_over_forecast_peaks():
    grid = np.ones((9, 24))
    grid[8, 5] = 4.0
    assert list(run_backtest(grid, 1).scores(WEEKLY_NAIVE)) == [1.0, 4.0]


def test_without_a_week_the_day_is_the_baseline():
    backtest = run_backtest(days(5, 0.1), 1)
    assert backtest.naive == DAILY_NAIVE
    assert {track.name for track in backtest.tracks} == {DAILY_NAIVE, "slot profile", "smooth slot profile"}
