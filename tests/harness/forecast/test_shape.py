import numpy as np
import pytest

from harness.forecast.shape import Phase, Shape, cut_curve


def shape(knots, rates):
    return Shape(np.array(knots, float), np.array(rates, float), (Phase("all", 0.0, float(knots[-1]), False),))


def test_the_rate_at_a_step_is_the_one_after_it():
    stairs = shape([0, 10, 10, 20], [1, 1, 5, 5])
    assert list(stairs.rate_at([0, 9.99, 10, 20, 20.1, -1])) == [1, 1, 5, 5, 0, 0]


def test_the_rate_is_linear_between_knots():
    ramp = shape([0, 10, 20], [0, 20, 0])
    assert np.allclose(ramp.rate_at([2.5, 10, 15]), [5, 20, 10])
    assert ramp.expected_count == 200
    assert ramp.scaled(3).expected_count == 600


def test_a_cut_keeps_the_area_and_leaves_steps_at_its_ends_outside():
    stairs = shape([0, 10, 10, 20, 20, 30], [1, 1, 5, 5, 2, 2])
    knots, rates = cut_curve(stairs.knots_s, stairs.rates_per_s, 10, 20)
    assert (list(knots), list(rates)) == ([0, 10], [5, 5])
    knots, rates = cut_curve(stairs.knots_s, stairs.rates_per_s, 5, 25)
    assert np.trapezoid(rates, knots) == 5 * 1 + 10 * 5 + 5 * 2
    knots, rates = cut_curve(stairs.knots_s, stairs.rates_per_s, 0, 30)
    assert list(knots) == list(stairs.knots_s)
    assert list(rates) == list(stairs.rates_per_s)


@pytest.mark.parametrize(
    ("knots", "rates"),
    [([0, 10, 5], [1, 1, 1]), ([0, 10], [1, -1]), ([1, 10], [1, 1]), ([0, 10], [1, float("nan")])],
)
def test_a_broken_curve_is_no_shape(knots, rates):
    with pytest.raises(AssertionError):
        shape(knots, rates)


def test_phases_tile_the_shape():
    with pytest.raises(AssertionError, match="tile"):
        Shape(np.array([0.0, 10]), np.ones(2), (Phase("a", 0, 4, True), Phase("b", 5, 10, True)))
