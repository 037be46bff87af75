import numpy as np
import pytest

from harness.forecast.models import MODELS, SlotProfile, daily_naive, weekly_naive

SLOTS = 48
WEEK = np.array([1.0, 1.1, 1.0, 0.9, 0.8, 0.4, 0.3])


def weeks(count: int, noise: float = 0.0, growth: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    profile = 10 + 8 * np.sin(np.arange(SLOTS) / SLOTS * 2 * np.pi)
    days = np.array([WEEK[d % 7] * (1 + growth) ** d * profile for d in range(count)])
    return days * np.exp(rng.normal(0, noise, days.shape)) if noise else days


def test_the_naive_ones_copy():
    days = weeks(14)
    assert np.array_equal(weekly_naive(days, 1), days[7])
    assert np.array_equal(weekly_naive(days, 7), days[13])
    assert np.array_equal(weekly_naive(days, 8), days[7])
    assert np.array_equal(daily_naive(days, 3), days[-1])


@pytest.mark.parametrize("lead", [1, 3, 7])
def test_without_noise_the_profile_is_exact(lead):
    predicted = SlotProfile(shrink=1, follow=0.8, smooth_slots=0)(weeks(56), lead)
    assert np.allclose(predicted, weeks(63)[56 + lead - 1], rtol=0.06)


def test_noise_is_averaged_out_where_the_naive_one_repeats_it():
    past, truth = weeks(56, noise=0.3), weeks(57)[56]
    profile = SlotProfile(shrink=4, follow=0.5, smooth_slots=2)(past, 1)
    assert np.abs(profile - truth).mean() < 0.5 * np.abs(weekly_naive(past, 1) - truth).mean()


def test_growth_goes_on_but_fades():
    profile = SlotProfile(shrink=1, follow=0.5, smooth_slots=0)
    near, far = (profile(weeks(56, growth=0.01), lead).mean() for lead in (1, 8))  # the same weekday
    flat = weeks(57, growth=0.01)[49].mean()
    assert near > flat
    assert 1.0 < far / near < 1.01**7


def test_one_odd_day_does_not_make_the_profile():
    days = weeks(56)
    days[50] *= 20
    predicted = SlotProfile(shrink=1, follow=0.3, smooth_slots=0)(days, 3)  # the odd day's own weekday is lead 2
    assert np.allclose(predicted / predicted.mean(), days[0] / days[0].mean(), rtol=0.02)


def test_every_model_copes_with_its_least_days_and_with_nothing():
    for model in MODELS:
        for days in (weeks(model.least_days), np.zeros((model.least_days, SLOTS))):
            assert np.isfinite(model.predict(days, 1)).all(), model.name
