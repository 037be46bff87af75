from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.forecast import Burst, Phase, Shape, plan_arrivals
from harness.forecast.segments import hold, ramp, replay, shape_from_segments

PLAN = shape_from_segments([ramp("warm", 0, 20, 30), hold("peak", 20, 300)])


def test_phases_are_by_due_time():
    arrivals = plan_arrivals(PLAN, ("chat",), 1)
    assert arrivals.phases == ("warm", "peak")
    warm = arrivals.array["due_ns"] < 30 * 10**9
    assert np.array_equal(arrivals.array["phase"], np.where(warm, 0, 1))
    assert 200 < warm.sum() < 400


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(0, 2**40))
def test_the_superposition_of_the_workers_is_the_plan(workers, seed):
    arrivals = plan_arrivals(PLAN, ("chat", "embed"), seed)
    shares = [arrivals.of_worker(k, workers) for k in range(workers)]
    assert sum(share.size for share in shares) == len(arrivals)
    rebuilt = np.empty_like(arrivals.array)
    for k, share in enumerate(shares):
        rebuilt[k::workers] = share
    assert np.array_equal(rebuilt, arrivals.array)


def test_the_dispersion_of_the_merged_plan_is_poissons_whatever_the_workers():
    flat = shape_from_segments([hold("peak", 100, 2000)])
    arrivals = plan_arrivals(flat, ("chat",), 11)
    for workers in (1, 2, 5):
        merged = np.sort(np.concatenate([arrivals.of_worker(k, workers)["due_ns"] for k in range(workers)]))
        counts = np.bincount(merged // 10**9, minlength=2000)
        assert abs(counts.var(ddof=1) / counts.mean() - 1) < 2.58 * np.sqrt(2 / 1999)


def test_one_more_purpose_never_moves_an_arrival():
    bare = plan_arrivals(PLAN, ("chat",), 5)
    tokens = np.array([[10, 20], [30, 40]], np.uint32)
    rich = plan_arrivals(replace(PLAN, tokens=tokens), ("chat", "embed"), 5)
    assert np.array_equal(bare.array["due_ns"], rich.array["due_ns"])
    assert set(rich.array["tokens_in"]) == {10, 30}
    assert np.array_equal(rich.array["tokens_out"], rich.array["tokens_in"] + 10)  # pairs stay pairs
    assert not bare.array["tokens_in"].any()


def test_the_mix_is_kept_and_may_change_over_time():
    shape = replace(PLAN, mix={"embed": 3.0, "chat": 1.0})
    arrivals = plan_arrivals(shape, ("chat", "embed", "unused"), 5)
    assert np.mean(arrivals.array["journey"] == 1) == pytest.approx(0.75, abs=0.03)
    assert not np.any(arrivals.array["journey"] == 2)
    moving = replace(shape, mix_times_s=np.array([0.0, 180.0]), mix_shares=np.array([[1.0, 0.0], [0.0, 1.0]]))
    array = plan_arrivals(moving, ("chat", "embed"), 5).array
    assert np.array_equal(array["journey"], np.where(array["due_ns"] < 180 * 10**9, 1, 0))


def test_without_a_mix_every_journey_has_its_share():
    array = plan_arrivals(PLAN, ("a", "b", "c", "d"), 2).array
    assert np.allclose(np.bincount(array["journey"]) / array.size, 0.25, atol=0.03)


def test_a_mix_that_names_a_stranger_is_refused():
    with pytest.raises(UsageError, match="'embed'"):
        plan_arrivals(replace(PLAN, mix={"embed": 1.0}), ("chat",), 1)


def test_a_mix_without_shares_is_refused():
    with pytest.raises(UsageError, match="positive share"):
        plan_arrivals(replace(PLAN, mix={"chat": 0.0}), ("chat",), 1)


def test_a_replay_is_the_recording_after_a_drawn_warm_up():
    shape = shape_from_segments([ramp("warm", 0, 5, 10), replay("tape", [0.25, 0.25, 3.125], 5)])
    arrivals = plan_arrivals(shape, ("chat",), 9)
    tape = arrivals.array[arrivals.array["phase"] == 1]
    assert list(tape["due_ns"]) == [10_250_000_000, 10_250_000_000, 13_125_000_000]
    assert (arrivals.array["phase"] == 0).sum() > 5


def test_recorded_tokens_stay_with_their_arrivals():
    shape = Shape(
        np.array([0.0, 5.0]),
        np.array([0.6, 0.6]),
        (Phase("tape", 0.0, 5.0, constant_rate=False),),
        process="replay",
        replay_s=np.array([0.5, 1.5, 4.0]),
        tokens=np.array([[1, 10], [2, 20], [3, 30]], np.uint32),
    )
    array = plan_arrivals(shape, ("chat",), 1).array
    assert list(array["tokens_in"]) == [1, 2, 3]
    assert list(array["tokens_out"]) == [10, 20, 30]


def test_tokens_are_drawn_from_those_near_in_time():
    pool = np.column_stack([np.arange(20_000), np.arange(20_000)]).astype(np.uint32)
    times = np.linspace(0, 330, 20_000)
    array = plan_arrivals(replace(PLAN, tokens=pool, token_times_s=times), ("chat",), 3).array
    away = np.abs(times[array["tokens_in"]] - array["due_ns"] / 1e9)
    assert away.max() < 330 / 20_000 * 502
    assert np.median(away) > 1  # drawn, not copied


@pytest.mark.parametrize("process", ["poisson", "cox", "deterministic"])
def test_every_process_is_seeded_and_ends_in_time(process):
    shape = replace(PLAN, process=process, burst=Burst(0.5, 3.0))
    first, again = (plan_arrivals(shape, ("chat",), 4) for _ in range(2))
    assert np.array_equal(first.array, again.array)
    assert first.process == process
    assert first.array["due_ns"][-1] < 330 * 10**9


def test_a_plan_too_large_is_refused_before_memory_is_asked_for():
    with pytest.raises(UsageError, match="864,000,000"):
        plan_arrivals(shape_from_segments([hold("day", 10_000, 86_400)]), ("chat",), 1)


MOVING = replace(
    PLAN,
    mix={"chat": 0.5, "embed": 0.5},
    mix_times_s=np.array([0.0, 100.0, 200.0]),
    mix_shares=np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]),
)


def test_the_journey_of_each_arrival_is_drawn_from_the_mix_of_its_time():
    array = plan_arrivals(MOVING, ("embed", "chat"), 8).array
    for k, share in enumerate((0.9, 0.5, 0.1)):
        inside = array["due_ns"] // (100 * 10**9) == k if k < 2 else array["due_ns"] >= 200 * 10**9
        seen = array["journey"][inside] == 1
        assert abs(seen.mean() - share) < 4 * np.sqrt(share * (1 - share) / seen.size)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**40), st.integers(2, 7))
def test_a_moving_mix_is_seeded_and_the_same_for_any_number_of_workers(seed, workers):
    first, again = (plan_arrivals(MOVING, ("chat", "embed"), seed) for _ in range(2))
    assert np.array_equal(first.array, again.array)
    rebuilt = np.empty_like(first.array)
    for k in range(workers):
        rebuilt[k::workers] = first.of_worker(k, workers)
    assert np.array_equal(rebuilt["journey"], again.array["journey"])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**40), st.floats(0.01, 0.99))
def test_a_moving_mix_that_stands_still_is_the_static_mix(seed, share):
    static = replace(PLAN, mix={"chat": share, "embed": 1 - share})
    still = replace(static, mix_times_s=np.array([0.0, 77.0, 210.0]), mix_shares=np.tile([share, 1 - share], (3, 1)))
    journeys = ("chat", "embed")
    assert np.array_equal(plan_arrivals(static, journeys, seed).array, plan_arrivals(still, journeys, seed).array)


def test_recorded_arrivals_keep_their_own_journey_and_others_draw_theirs():
    tape = replay("tape", [0.25, 0.5, 3.125, 4.0], 5)
    shape = replace(
        shape_from_segments([ramp("warm", 0, 20, 10), tape]),
        mix={"chat": 0.5, "embed": 0.5},
        replay_journeys=np.array([1, 0, 0, 1], np.uint8),
    )
    array = plan_arrivals(shape, ("unused", "chat", "embed"), 9).array
    assert list(array["journey"][array["phase"] == 1]) == [2, 1, 1, 2]
    assert set(array["journey"][array["phase"] == 0]) == {1, 2}


def test_an_arrival_draws_the_sizes_of_its_own_journey():
    pool = np.array([[1, 10], [2, 20], [7, 0], [8, 0]], np.uint32)
    owned = replace(MOVING, tokens=pool, token_journeys=np.array([0, 0, 1, 1], np.uint8))
    array = plan_arrivals(owned, ("chat", "embed"), 5).array
    assert set(array["tokens_in"][array["journey"] == 0]) == {1, 2}
    assert set(array["tokens_in"][array["journey"] == 1]) == {7, 8}
    bare = plan_arrivals(MOVING, ("chat", "embed"), 5).array
    assert np.array_equal(bare["journey"], array["journey"])
    only = replace(owned, tokens=pool[:2], token_journeys=np.array([0, 0], np.uint8))
    array = plan_arrivals(only, ("chat", "embed"), 5).array
    assert not array["tokens_in"][array["journey"] == 1].any()  # nothing is known of its sizes
