from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.forecast import Phase, Shape, lengthened, plan_arrivals


def shape(rates: tuple[float, ...] = (0.0, 20.0, 20.0, 40.0), *, constant: bool = False, **more: object) -> Shape:
    """A warm-up of 4 s, then a peak of 6 s."""
    phases = (Phase("warm", 0, 4, False), Phase("peak", 4, 10, constant))
    return replace(Shape(np.array([0.0, 4.0, 4.0, 10.0]), np.array(rates), phases), **more)


def test_a_constant_phase_goes_on_at_its_rate() -> None:
    longer = lengthened(shape((20.0, 20.0, 20.0, 20.0), constant=True), 15.0)
    assert longer.duration_s == 19.0
    assert [(p.name, p.start_s, p.end_s, p.constant_rate) for p in longer.phases] == [
        ("warm", 0, 4, False),
        ("peak", 4, 19.0, True),
    ]
    assert longer.expected_count == pytest.approx(20 * 19)


@given(more=st.floats(1.0, 4.0), t=st.floats(0, 0.999))
@example(more=1.0000000000000002, t=0.0)
def test_a_moving_phase_runs_its_curve_over_again(more: float, t: float) -> None:
    short = shape()
    longer = lengthened(short, 6.0 * more)
    at = 4.0 + t * 6.0 * more
    assert longer.duration_s == pytest.approx(4 + 6.0 * more)
    into = (at - 4.0) % 6.0
    if 1e-9 < into < 6.0 - 1e-9:  # at the step itself a rounding decides which side is meant
        assert float(longer.rate_at(at)) == pytest.approx(float(short.rate_at(4.0 + into)), abs=1e-6)
    assert float(longer.rate_at(2.0)) == float(short.rate_at(2.0))


def test_a_phase_that_is_the_whole_shape_goes_on_too() -> None:
    whole = Shape(np.array([0.0, 5.0]), np.array([10.0, 30.0]), (Phase("peak", 0, 5, False),))
    longer = lengthened(whole, 12.0)
    assert longer.duration_s == 12.0
    assert float(longer.rate_at(6.0)) == pytest.approx(14.0)
    assert longer.expected_count == pytest.approx(2 * 100 + 2 * 14)


def test_mixes_and_sizes_come_again_at_their_place_in_the_phase() -> None:
    short = shape(
        (50.0, 50.0, 50.0, 50.0),
        mix={"a": 0.5, "b": 0.5},
        mix_times_s=np.array([0.0, 7.0]),
        mix_shares=np.array([[1.0, 0.0], [0.0, 1.0]]),
        tokens=np.array([[1, 1], [2, 2], [3, 3]], np.uint32),
        token_times_s=np.array([1.0, 5.0, 8.0]),
    )
    longer = lengthened(short, 12.0)
    assert longer.mix_times_s is not None and longer.mix_times_s.tolist() == [0.0, 7.0, 10.0, 13.0]
    array = plan_arrivals(longer, ("a", "b"), 1).array
    due_s = array["due_ns"] / 1e9
    late = np.where(due_s >= 4, (due_s - 4) % 6 + 4, due_s) >= 7
    assert np.array_equal(array["journey"] == 1, late)
    assert longer.token_times_s is not None and longer.tokens is not None
    assert longer.token_times_s.tolist() == [1.0, 5.0, 8.0, 11.0, 14.0]
    assert longer.tokens[:, 0].tolist() == [1, 2, 3, 2, 3]


def test_what_was_recorded_cannot_go_on() -> None:
    recorded = shape(process="replay", replay_s=np.array([1.0]))
    with pytest.raises(AssertionError):
        lengthened(recorded, 12.0)
