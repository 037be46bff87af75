import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.forecast.curve import busiest_recorded, busiest_start, curve_of_buckets


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=40), st.floats(1, 3600))
def test_the_curve_holds_the_area_and_never_exceeds_the_peak(rates, bucket_s):
    knots, out = curve_of_buckets(np.array(rates), bucket_s)
    area = sum(rates) * bucket_s
    assert np.trapezoid(out, knots) == pytest.approx(area, rel=1e-9, abs=1e-9)
    assert out.max() == max(rates)
    assert np.all(np.diff(knots) > 0)
    assert knots[-1] == pytest.approx(len(rates) * bucket_s)


def test_each_bucket_is_held_at_its_mean():
    knots, rates = curve_of_buckets(np.array([1.0, 5.0, 2.0]), 60)
    assert np.allclose(np.interp([10, 70, 90, 110, 130], knots, rates), [1, 5, 5, 5, 2])


def test_the_busiest_stretch_is_the_middle_of_the_plateau():
    knots, rates = curve_of_buckets(np.array([1.0, 5.0, 2.0, 5.0, 1.0]), 300)
    start = busiest_start(knots, rates, 60)
    assert 337 < start < 502
    assert start + 30 == pytest.approx(450, abs=2)
    assert busiest_start(knots, rates, 1500) == 0
    assert busiest_start(knots, rates, 900) == pytest.approx(300, abs=5)  # both fives


def test_the_busiest_recorded_stretch():
    offsets = np.array([1.0, 2.0, 50.0, 50.1, 50.2, 51.0, 99.5])
    assert busiest_recorded(offsets, 2.0, 100.0) == 50.0
    assert busiest_recorded(np.array([99.5]), 10.0, 100.0) == 90.0
    assert busiest_recorded(np.empty(0), 10.0, 100.0) == 0.0
