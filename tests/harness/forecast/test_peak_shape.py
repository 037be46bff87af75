from dataclasses import replace

import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import Burst, Level, Mix, Peak, Recorded, plan_arrivals, shape_from_peak

DAY = Peak(
    label="PREDICTABLE",
    sentence="s",
    bucket_s=300.0,
    rates_per_s=np.concatenate([np.linspace(1, 10, 144), np.linspace(10, 1, 144)]),
    levels=(Level(0.5, 10.0), Level(0.8, 15.0), Level(0.9, 20.0)),
    quantile_asked=0.8,
    quantile=0.8,
    mix={"chat": 1.0},
)
TAPE = np.sort(np.random.default_rng(1).random(6000) * 1200)
TRACE = Peak(
    label="OBSERVED",
    sentence="observed shape, not a forecast",
    bucket_s=60.0,
    rates_per_s=np.histogram(TAPE, 20, (0, 1200))[0] / 60,
    burst=Burst(0.1, 10.0),
    recorded=Recorded(TAPE, np.column_stack([np.arange(6000), np.arange(6000)]).astype(np.uint32)),
)


def test_the_whole_day_at_its_level():
    shape = shape_from_peak(DAY, warm_s=0)
    assert shape.duration_s == 86_400
    assert shape.peak_rate_per_s == pytest.approx(15)
    assert shape.expected_count == pytest.approx(1.5 * DAY.rates_per_s.sum() * 300, rel=1e-9)
    assert shape.label == "PREDICTABLE"
    assert shape.mix == {"chat": 1.0}


@pytest.mark.parametrize(("quantile", "peak"), [(0.5, 10), (0.6, 15), (0.9, 20)])
def test_another_quantile_is_the_lowest_level_that_certifies_it(quantile, peak):
    assert shape_from_peak(DAY, quantile=quantile).peak_rate_per_s == pytest.approx(peak)


def test_a_quantile_beyond_the_history_is_not_made_up():
    shape = shape_from_peak(DAY, quantile=0.99)
    assert shape.peak_rate_per_s == pytest.approx(20)
    assert any("asked for the 0.99 quantile; the history certifies 0.9" in note for note in shape.notes)


def test_a_slice_is_the_busiest_stretch_with_a_warm_up_before_it():
    shape = shape_from_peak(DAY, slice=120.0)
    warm, peak = shape.phases
    assert (warm.name, warm.end_s, warm.constant_rate) == ("warm", 12.0, False)
    assert (peak.name, peak.end_s, peak.constant_rate) == ("peak", 132.0, True)
    assert shape.rate_at([0.0])[0] == 0
    assert shape.rate_at([60.0])[0] == pytest.approx(15)


def test_a_slice_from_a_moment():
    shape = shape_from_peak(DAY, slice=(0.0, 3600.0), warm_s=0)
    assert shape.expected_count == pytest.approx(1.5 * DAY.rates_per_s[:12].sum() * 300, rel=0.02)
    assert not shape.phases[0].constant_rate


def test_faster_time_keeps_the_rates_and_says_what_it_cannot_keep():
    shape = shape_from_peak(DAY, time_scale=60, warm_s=0)
    assert shape.duration_s == 1440
    assert shape.peak_rate_per_s == pytest.approx(15)
    assert any("60 times as fast" in note and "autoscalers" in note for note in shape.notes)


def test_three_times_the_rate():
    assert shape_from_peak(DAY, rate_scale=3).peak_rate_per_s == pytest.approx(45)


def test_a_trace_is_replayed_arrival_for_arrival():
    shape = shape_from_peak(TRACE, slice=(300.0, 300.0), warm_s=10)
    array = plan_arrivals(shape, ("chat",), 1).array
    tape = array[array["phase"] == 1]
    wanted = TAPE[(TAPE >= 300) & (TAPE < 600)]
    assert np.allclose(tape["due_ns"] / 1e9, wanted - 300 + 10, atol=1e-8)
    assert np.array_equal(TAPE[tape["tokens_in"]], wanted)
    assert "observed shape, not a forecast" in shape.notes
    assert shape.expected_count == pytest.approx(wanted.size + 10 * shape.rate_at([10.0 - 1e-9])[0] / 2, rel=1e-6)


def test_a_trace_at_three_times_its_rate_keeps_its_arrivals():
    one = plan_arrivals(shape_from_peak(TRACE, slice=(300.0, 300.0), warm_s=0), ("chat",), 1).array
    three = plan_arrivals(shape_from_peak(TRACE, slice=(300.0, 300.0), warm_s=0, rate_scale=3), ("chat",), 1).array
    assert three.size == pytest.approx(3 * one.size, rel=0.08)
    assert np.isin(one["due_ns"], three["due_ns"]).all()


def test_the_busiest_slice_of_a_trace():
    rush = np.sort(np.concatenate([TAPE, 700 + np.random.default_rng(2).random(2000) * 60]))
    peak = replace(TRACE, recorded=Recorded(rush), rates_per_s=np.histogram(rush, 20, (0, 1200))[0] / 60)
    shape = shape_from_peak(peak, slice=60.0, warm_s=0)
    assert shape.replay_s.size > 2200


def test_a_trace_can_be_drawn_instead_of_replayed():
    shape = shape_from_peak(TRACE, process="cox", warm_s=0)
    assert shape.burst == Burst(0.1, 10.0)
    assert shape_from_peak(TRACE, process="poisson", burst="poisson", warm_s=0).replay_s is None
    assert shape_from_peak(TRACE, process="cox", burst="code", warm_s=0).burst.variance > 1
    assert shape_from_peak(DAY).process == "poisson"
    assert shape_from_peak(DAY, burst="chat").process == "cox"


def test_drawn_arrivals_have_the_token_sizes_of_their_time():
    shape = shape_from_peak(TRACE, process="poisson", warm_s=30, slice=(300.0, 600.0))
    array = plan_arrivals(shape, ("chat",), 1).array
    recorded_at = TAPE[array["tokens_in"]] - 300 + 30
    assert np.abs(recorded_at - array["due_ns"] / 1e9)[array["phase"] == 1].max() < 130  # 500 pairs at 5/s, and some
    assert recorded_at.min() >= 30
    assert recorded_at.max() < 630


@pytest.mark.parametrize(
    ("peak", "arguments", "says"),
    [
        (DAY, {"quantile": 1.0}, "quantile is 1"),
        (DAY, {"time_scale": 0.0}, "time_scale"),
        (DAY, {"rate_scale": -1.0}, "rate_scale"),
        (DAY, {"process": "magic"}, "unknown process"),
        (DAY, {"process": "replay"}, "no recorded requests"),
        (DAY, {"burst": "wild"}, "unknown burst"),
        (DAY, {"slice": 90_000.0}, "does not fit"),
        (DAY, {"slice": (86_000.0, 900.0)}, "does not fit"),
        (DAY, {"slice": 0.0}, "does not fit"),
        (TRACE, {"time_scale": 0.5}, "slower"),
    ],
)
def test_what_cannot_be_is_refused(peak, arguments, says):
    with pytest.raises(UsageError, match=says):
        shape_from_peak(peak, **arguments)


MIXED = replace(
    DAY,
    mix={"chat": 0.6, "embed": 0.4},
    mix_over_time=Mix(
        ("chat", "embed"), np.array([0.0, 21_600.0, 43_200.0]), np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    ),
)


def test_the_mix_moves_with_the_curve_through_slice_speed_and_warm_up():
    shape = shape_from_peak(MIXED, slice=(18_000.0, 36_000.0), time_scale=10.0, warm_s=60.0)
    assert shape.duration_s == 3660
    assert [shape.mix_at(t)["chat"] for t in (0, 59, 419, 421, 2579, 2581)] == [0.9, 0.9, 0.9, 0.6, 0.6, 0.2]
    arrivals = plan_arrivals(shape, ("chat", "embed"), 1).array
    late = arrivals["due_ns"] > 2_580_000_000_000
    assert np.mean(arrivals["journey"][late] == 0) == pytest.approx(0.2, abs=0.02)


def test_a_level_rate_with_a_mix_that_moves_is_no_constant_load():
    flat = replace(MIXED, rates_per_s=np.full(288, 5.0))
    assert not shape_from_peak(flat, warm_s=0).phases[0].constant_rate
    assert shape_from_peak(replace(flat, mix_over_time=None), warm_s=0).phases[0].constant_rate


@pytest.mark.parametrize(("rate_scale", "time_scale"), [(1.0, 1.0), (0.5, 1.0), (3.0, 1.0), (1.0, 4.0)])
def test_a_recording_keeps_each_requests_journey(rate_scale, time_scale):
    journeys = (TAPE > 600).astype(np.uint8)  # chat, then embed
    trace = replace(TRACE, mix={"chat": 0.5, "embed": 0.5}, recorded=replace(TRACE.recorded, journeys=journeys))
    shape = shape_from_peak(trace, rate_scale=rate_scale, time_scale=time_scale, warm_s=0)
    array = plan_arrivals(shape, ("chat", "embed"), 1).array
    wrong = (array["due_ns"] > 600 / time_scale * 1e9) != (array["journey"] == 1)
    assert wrong.mean() < 0.05  # an extra one is like a neighbour in time, faster time plays blocks
    if rate_scale <= 1 and time_scale == 1:
        assert not wrong.any()
    assert np.array_equal(TAPE[array["tokens_in"]] > 600, array["journey"] == 1)  # and it has that one's sizes
