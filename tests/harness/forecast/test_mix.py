import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.forecast.daygrid import day_grid
from harness.forecast.history import History, Intake, Requests
from harness.forecast.mix import Mix, daily_mix, mix_words, observed_mix

DAY_S = 86_400.0


def history(offsets_s, is_first, start_ns=None, timezone="UTC"):
    buckets = int(offsets_s[-1] // 60)
    counts = np.bincount((offsets_s // 60).astype(int), minlength=buckets)[:buckets].astype(float)
    return History(
        "log",
        "access-log",
        start_ns,
        60.0,
        counts,
        Intake(offsets_s.size, offsets_s.size),
        Requests(offsets_s, None, np.where(is_first, 0, 1).astype(np.uint8)),
        timezone,
        journeys=("chat", "embed"),
    )


def moving(days, rate_per_s, share_at):
    rng = np.random.default_rng(3)
    offsets = np.sort(rng.random(int(days * DAY_S * rate_per_s)) * days * DAY_S)
    return offsets, rng.random(offsets.size) < share_at(offsets)


def wave(t_s):
    return 0.5 + 0.4 * np.sin(2 * np.pi * t_s / DAY_S)


def test_a_mix_that_moves_is_followed():
    offsets, is_chat = moving(0.25, 2, lambda t: 0.2 + 0.6 * t / 21_600)
    mix = observed_mix(history(offsets, is_chat))
    middles = mix.starts_s + np.diff(mix.starts_s)[0] / 2
    assert mix.starts_s.size > 20
    assert np.abs(mix.shares[:, 0] - (0.2 + 0.6 * middles / 21_600)).mean() < 0.02


@pytest.mark.parametrize("rate", [0.002, 0.02, 0.5])
def test_a_mix_that_does_not_move_is_one_mix(rate):
    offsets, is_chat = moving(2, rate, lambda t: np.full(t.size, 0.3))
    mix = observed_mix(history(offsets, is_chat))
    assert mix.starts_s.size == 1
    assert mix.shares[0, 0] == pytest.approx(is_chat.mean(), abs=1e-3)


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York"])
def test_a_days_mix_is_that_of_its_hours_on_the_wall_clock(timezone):
    offsets, is_chat = moving(10, 0.1, wave)
    one = history(offsets, is_chat, start_ns=1_777_593_600 * 10**9, timezone=timezone)
    grid = day_grid(one)
    mix = daily_mix(one, grid)
    # The grid's days end where the history ends, which is (nearly) where the wave starts anew.
    middles = mix.starts_s + (mix.starts_s[1] - mix.starts_s[0]) / 2
    assert np.abs(mix.shares[:, 0] - wave(middles)).mean() < 0.04


def test_nothing_is_said_where_no_journeys_are_known():
    offsets, _ = moving(3, 0.01, wave)
    bare = History("h", "table", None, 60.0, np.ones(10), Intake(10, 10))
    assert observed_mix(bare) is None
    assert daily_mix(bare, day_grid(history(offsets, offsets > 0))) is None


MIX = Mix(("a", "b"), np.array([0.0, 100.0, 200.0]), np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]))


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 299), st.floats(0.5, 300), st.floats(0.1, 50))
def test_a_cut_has_at_every_moment_the_shares_of_that_moment(from_s, for_s, time_scale):
    cut = MIX.cut(from_s, for_s, time_scale)
    for moment in np.linspace(0, for_s, 20, endpoint=False):
        mine = cut.shares[np.searchsorted(cut.starts_s, moment / time_scale * (1 + 1e-12), side="right") - 1]
        near = {
            tuple(MIX.shares[np.searchsorted(MIX.starts_s, from_s + moment + e, side="right") - 1]) for e in (0, 1e-6)
        }
        assert tuple(mine) in near


def test_the_mean_weighs_by_the_requests():
    assert MIX.mean(100.0, np.array([2.0, 0.0, 1.0])) == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    assert MIX.mean(100.0, np.zeros(3)) == pytest.approx({"a": 0.5, "b": 0.5})


def test_in_words():
    assert mix_words(MIX, {"a": 0.6, "b": 0.4}) == "a 60 % (0 to 100 %), b 40 % (0 to 100 %)"
    assert mix_words(None, {"a": 0.6, "b": 0.4}) == "a 60 %, b 40 %"
