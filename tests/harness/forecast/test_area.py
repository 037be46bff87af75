from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.forecast.area import cumulative_area, invert_area

NS = Fraction(1, 10**9)


def exact_area(knots: np.ndarray, rates: np.ndarray, t: Fraction) -> Fraction:
    """The area under the curve up to `t`, in exact rationals."""
    total = Fraction(0)
    for t0, t1, r0, r1 in zip(knots[:-1], knots[1:], rates[:-1], rates[1:], strict=True):
        a, b, left, right = Fraction(float(t0)), Fraction(float(t1)), Fraction(float(r0)), Fraction(float(r1))
        if b == a or t <= a:
            continue
        u = min(t, b) - a
        total += left * u + (right - left) * u * u / (2 * (b - a))
    return total


def assert_within_a_nanosecond(knots: np.ndarray, rates: np.ndarray, targets: np.ndarray) -> None:
    times = invert_area(knots, rates, targets)
    for t, target in zip(times, targets, strict=True):
        due = Fraction(round(float(t) * 1e9), 10**9)
        assert exact_area(knots, rates, due - NS) <= Fraction(float(target)) <= exact_area(knots, rates, due + NS)


curves = st.lists(
    st.tuples(st.floats(0, 600), st.one_of(st.just(0.0), st.floats(0.01, 5000))), min_size=2, max_size=8
).filter(lambda pairs: sum(width for width, _ in pairs[1:]) > 0.1)


def build(pairs: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    widths = np.array([width for width, _ in pairs])
    widths[0] = 0.0
    return np.cumsum(widths), np.array([rate for _, rate in pairs])


@settings(max_examples=150, deadline=None)
@given(curves, st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_inverts_the_area_to_a_nanosecond_against_exact_rationals(pairs, shares):
    knots, rates = build(pairs)
    high, low = cumulative_area(knots, rates)
    whole = float(high[-1] + low[-1])
    targets = np.sort(np.array(shares)) * whole * (1 - 1e-12)
    assert_within_a_nanosecond(knots, rates, targets[targets > 0])


def test_the_last_arrivals_of_a_long_ramp_to_zero_are_exact():
    knots, rates = np.array([0.0, 86_000.0, 86_400.0]), np.array([100.0, 100.0, 0.0])
    whole = float(cumulative_area(knots, rates)[0][-1])
    assert_within_a_nanosecond(knots, rates, whole - np.array([1.0, 0.1, 1e-3, 1e-6]))


def test_many_knots_do_not_add_up_their_rounding():
    rng = np.random.default_rng(3)
    knots = np.cumsum(np.concatenate([[0.0], rng.random(10_000)]))
    rates = rng.random(knots.size) * 1000
    high, low = cumulative_area(knots, rates)
    exact = exact_area(knots, rates, Fraction(float(knots[-1])))
    assert abs(Fraction(float(high[-1])) + Fraction(float(low[-1])) - exact) < Fraction(1, 10**15)


def test_no_arrival_falls_where_the_rate_is_zero():
    knots, rates = np.array([0.0, 10, 10, 20, 20, 30]), np.array([1.0, 1, 0, 0, 1, 1])
    times = invert_area(knots, rates, np.linspace(0.01, 19.99, 1000))
    assert not np.any((times > 10) & (times < 20))
    assert invert_area(knots, rates, np.array([10.0]))[0] == 20.0


def test_the_ends_are_the_ends():
    knots, rates = np.array([0.0, 5, 10, 15]), np.array([0.0, 0, 2, 0])
    times = invert_area(knots, rates, np.array([0.0, 10.0]))
    assert list(times) == [5.0, 15.0]
