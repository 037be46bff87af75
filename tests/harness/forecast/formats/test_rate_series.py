import json

import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import read_history, shape_from_segments
from harness.forecast.formats.rate_series import rate_series
from harness.forecast.segments import hold, ramp, spike


def test_points_hold_until_the_next():
    text = json.dumps({"points": [{"time_s": t, "qps": q} for t, q in ((0, 1), (60, 7), (180, 40))]})
    history = read_history(text, "r.json")
    assert history.format == "rate-series"
    assert history.bucket_s == 60
    assert list(history.rates_per_s) == [1, 7, 7, 40, 40]
    assert history.intake.rows_in == history.intake.rows_used == 3


def test_out_and_in_again_keeps_the_area():
    shape = shape_from_segments([ramp("a", 0, 20, 10), hold("b", 20, 5), spike("c", 5, 90, 10, width_s=0.5, at_s=2)])
    text = rate_series(shape, 0.5)
    history = read_history(text, "r.json")
    assert history.counts.sum() == pytest.approx(shape.expected_count, rel=1e-6)
    assert history.rates_per_s.max() == pytest.approx(90)
    assert np.allclose(history.rates_per_s[:4], [0.5, 1.5, 2.5, 3.5])


def test_the_last_step_may_be_short():
    points = json.loads(rate_series(shape_from_segments([hold("a", 4, 2.5)])))["points"]
    assert points == [{"time_s": 0.0, "qps": 4.0}, {"time_s": 1.0, "qps": 4.0}, {"time_s": 2.0, "qps": 4.0}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"points": 3}', "fewer than two points"),
        ('{"points": [{"time_s": 0, "qps": 1}]}', "fewer than two points"),
        ('{"points": [{"time_s": 0, "qps": 1}, {"time_s": 0, "qps": 2}]}', r"points\[1\]"),
        ('{"points": [{"time_s": 0, "qps": -1}, {"time_s": 1, "qps": 2}]}', r"points\[0\]"),
        ('{"points": [{"time_s": 0, "qps": true}, [1, 2]]}', r"points\[1\]"),
        ('{"points": [', "not a rate series"),
        ('{"points": [{"time_s": 0, "qps": 1}, {"time_s": 0.0001, "qps": 1}, {"time_s": 9, "qps": 1}]}', "common step"),
    ],
)
def test_what_is_no_series_is_refused(text, says):
    with pytest.raises(UsageError, match=says):
        read_history(text, "r.json")
