import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import parse_segments, shape_from_segments
from harness.forecast.segments import binned_curve, hold, overlay, ramp, replay, sine, spike, step


def test_every_kind_as_a_plan_file_writes_it():
    shape = shape_from_segments(
        parse_segments(
            [
                {"phase": "warm", "ramp": ["0/s", "20/s"], "for": "30s"},
                {"phase": "peak", "hold": "1200/min", "for": "1m"},
                {"phase": "stairs", "step": ["10/s", "30/s"], "for": "20s"},
                {"phase": "crowd", "spike": {"base": "20/s", "peak": "200/s", "width": "1s", "at": "5s"}, "for": "10s"},
                {"phase": "tide", "sine": {"mean": "20/s", "amplitude": "10/s", "period": "10s"}, "for": "20s"},
                {"phase": "taped", "replay": [0.5, 1.5, 1.6], "for": "5s"},
            ]
        )
    )
    areas = [300, 1200, 400, 380, 400, 3]
    for phase, area in zip(shape.phases, areas, strict=True):
        grid = np.linspace(phase.start_s, phase.end_s - 1e-9, 200_001)
        assert np.trapezoid(shape.rate_at(grid), grid) == pytest.approx(area, rel=2e-3), phase.name
    assert [p.constant_rate for p in shape.phases] == [False, True, False, False, False, False]
    assert shape.expected_count == pytest.approx(sum(areas), rel=1e-6)
    assert list(shape.replay_s) == [140.5, 141.5, 141.6]
    assert shape.process_of(shape.phases[-1]) == "replay"
    assert shape.process == "poisson"


def test_a_wave_has_the_area_of_the_wave():
    half = sine("up", 100, 100, 60, 30)  # the upper half of one period: mean + 2 / pi * amplitude
    assert np.trapezoid(half.rates_per_s, half.knots_s) == pytest.approx(30 * 100 * (1 + 2 / np.pi), rel=1e-9)


def test_rates_add_up_and_steps_stay_steps():
    both = overlay(hold("peak", 10, 20), [spike("", 0, 90, 10, width_s=2, at_s=3), ramp("", 0, 5, 20)])
    shape = shape_from_segments([both])
    assert shape.expected_count == pytest.approx(10 * 20 + 90 * 2 + 5 * 20 / 2)
    assert np.allclose(shape.rate_at([2.999, 3.0, 4.999, 5.0]), [10.75, 100.75, 101.25, 11.25], atol=1e-2)


def test_plus_in_a_plan():
    (segment,) = parse_segments([{"phase": "peak", "hold": 10, "for": "20s", "plus": [{"hold": "5/s", "for": "4s"}]}])
    assert shape_from_segments([segment]).expected_count == pytest.approx(220)


def test_neighbours_of_one_name_are_one_phase():
    shape = shape_from_segments([ramp("peak", 0, 10, 5), hold("peak", 10, 5), hold("cool", 1, 5), hold("cool", 1, 5)])
    assert [(p.name, p.start_s, p.end_s, p.constant_rate) for p in shape.phases] == [
        ("peak", 0, 10, False),
        ("cool", 10, 20, True),
    ]
    assert not shape_from_segments([hold("a", 1, 5), hold("a", 2, 5)]).phases[0].constant_rate


def test_stairs_are_equal():
    stairs = step("s", [1, 2, 3], 9)
    assert stairs.knots_s == (0, 3, 3, 6, 6, 9)
    assert stairs.rates_per_s == (1, 1, 2, 2, 3, 3)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"phase": "p", "rmap": ["0/s", "1/s"], "for": "1s"}, "rmap"),
        ({"phase": "p", "for": "1s"}, "needs exactly one"),
        ({"phase": "p", "hold": "1/s", "ramp": ["0/s", "1/s"], "for": "1s"}, "hold"),
        ({"phase": "p", "hold": "1/s"}, "missing 'for'"),
        ({"phase": "p", "hold": "fast", "for": "1s"}, "not a rate"),
        ({"phase": "p", "hold": "1/s", "for": "soon"}, "not a duration"),
        ({"phase": "p", "ramp": "0/s", "for": "1s"}, "two rates"),
        ({"phase": "p", "step": [], "for": "1s"}, "step takes rates"),
        ({"phase": "p", "sine": {"mean": "1/s", "amplitude": "2/s"}, "for": "9s"}, "negative"),
        ({"phase": "p", "sine": 7, "for": "9s"}, "sine"),
        ({"phase": "p", "spike": {"base": 1, "peak": 9, "at": "9s", "width": "2s"}, "for": "10s"}, "outside"),
        ({"phase": "p", "replay": [1.0, 12.0], "for": "10s"}, "outside"),
        ({"phase": "p", "hold": 1, "for": "1s", "plus": [{"hold": 1, "for": "2s"}]}, "longer"),
        ({"phase": "p", "replay": [0.5], "for": "1s", "plus": [{"hold": 1, "for": "1s"}]}, "recorded"),
    ],
)
def test_mistakes_are_named(item, says):
    with pytest.raises(UsageError, match=says) as caught:
        parse_segments([{"phase": "ok", "hold": 1, "for": "1s"}, item])
    assert "segments[1]" in str(caught.value)


def test_all_mistakes_at_once():
    with pytest.raises(UsageError) as caught:
        parse_segments([{"for": "1s"}, {"hold": "1/s"}])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("segments", "says"),
    [
        ([], "no segments"),
        ([hold("a", 1, 0)], "lasts 0"),
        ([hold("a", -1, 5)], "below 0"),
        ([hold("a", 1, 5), hold("b", 1, 5), hold("a", 1, 5)], "returns to phase 'a'"),
        ([hold("a", 1, 5), replay("a", [1.0], 5)], "mixes replay"),
    ],
)
def test_shapes_that_cannot_be(segments, says):
    with pytest.raises(UsageError, match=says):
        shape_from_segments(segments)


def test_a_binned_curve_holds_the_counts():
    knots, rates = binned_curve(np.array([0.1, 0.2, 4.0, 9.99]), 10.0, 2.5)
    assert np.trapezoid(rates, knots) == pytest.approx(4)
    assert rates[0] == pytest.approx(2 / 2.5)
