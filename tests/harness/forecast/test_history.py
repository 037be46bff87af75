import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast.history import Intake, Issue, Rows, history_from_rows


def requests(times_s, **fields):
    times = np.array(times_s)
    lines = np.arange(times.size) + 1
    return Rows((times * 1e9).astype(np.int64), lines, relative=True, **fields)


def test_rows_are_conserved():
    Intake(5, 3, (Issue("blank", 1, 2, ""), Issue("duplicate", 1, 3, "")))
    with pytest.raises(AssertionError, match="silence"):
        Intake(5, 3, (Issue("blank", 1, 2, ""),))


def test_requests_are_counted_in_whole_buckets_and_the_rest_kept_for_replay():
    history = history_from_rows(requests(np.arange(0, 725, 0.5)), "r", "timestamps")
    assert history.bucket_s == 60
    assert list(history.counts) == [120] * 12  # 724.5 s: the thirteenth minute is not whole
    assert history.requests.offsets_s[-1] == 724.5


@pytest.mark.parametrize(("span_s", "bucket_s"), [(30, 1), (300, 10), (3000, 60)])
def test_the_bucket_goes_with_the_length(span_s, bucket_s):
    assert history_from_rows(requests(np.linspace(0, span_s, 500)), "r", "x").bucket_s == bucket_s


def test_tokens_follow_their_requests_through_the_sort():
    rows = requests([20.0, 0.0, 10.0], tokens=np.array([[3, 3], [1, 1], [2, 2]], np.uint32))
    history = history_from_rows(rows, "r", "x")
    assert list(history.requests.tokens[:, 0]) == [1, 2, 3]
    assert "1 rows out of order" in history.intake.findings[0]


def test_a_long_silence_is_said_not_hidden():
    times = np.concatenate([np.arange(0, 600, 1.0), np.arange(2000, 2600, 1.0)])
    history = history_from_rows(requests(times), "r", "x")
    assert "longest silence is 1401 s" in history.intake.findings[-1]
    assert np.nansum(history.counts == 0) > 20


def test_requests_of_one_moment_are_no_history():
    with pytest.raises(UsageError, match="no history"):
        history_from_rows(requests([1.0, 1.0, 1.0]), "r", "x")


def test_rows_off_the_grid_are_said():
    values = np.arange(6.0)
    rows = Rows(np.array([0, 60, 120, 180, 255, 300]) * 10**9, np.arange(6) + 1, True, values)
    assert "1 rows lie more than a tenth" in history_from_rows(rows, "r", "x").intake.findings[0]
