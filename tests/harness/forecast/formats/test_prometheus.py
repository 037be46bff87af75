import json

import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import read_history

START = 1791630000


def answer(*series: tuple[str, list[tuple[int, str]]]) -> str:
    result = [
        {"metric": {"__name__": name} if name else {}, "values": [[START + 60 * t, v] for t, v in values]}
        for name, values in series
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def samples(*values: object, first: int = 0) -> list[tuple[int, str]]:
    return [(first + i, str(v)) for i, v in enumerate(values) if v is not None]


def test_rates_are_of_the_step_before():
    history = read_history(answer(("", samples(1, 2.5, 4))), "p.json")
    assert history.format == "prometheus"
    assert list(history.rates_per_s) == [1, 2.5, 4]
    assert history.start_ns == (START - 60) * 10**9
    assert history.intake.rows_in == history.intake.rows_used == 3


def test_counters_become_increases_through_restarts():
    history = read_history(answer(("http_requests_total", samples(100, 160, 400, 30, 90))), "p.json")
    assert list(history.counts) == pytest.approx([60, 240, 30, 60])
    assert history.start_ns == START * 10**9
    assert "1 counter restarts" in history.intake.findings[0]
    assert history.intake.rows_in == history.intake.rows_used == 5


def test_series_are_added_up():
    history = read_history(answer(("", samples(1, 2, 3)), ("", samples(10, 20, 30))), "p.json")
    assert list(history.rates_per_s) == [11, 22, 33]
    assert history.intake.rows_in == 6


def test_a_series_that_comes_or_goes_is_no_gap():
    history = read_history(answer(("", samples(1, 2, 3, 4)), ("", samples(10, 20, first=1))), "p.json")
    assert list(history.rates_per_s) == [1, 12, 23, 4]


def test_a_sum_with_a_hole_in_it_is_a_gap_not_a_low_number():
    history = read_history(answer(("", samples(1, 2, 3, 4)), ("", samples(10, None, 30, 40))), "p.json")
    assert np.array_equal(history.rates_per_s, [11, np.nan, 33, 44], equal_nan=True)
    assert (history.intake.rows_in, history.intake.rows_used) == (7, 6)


def test_nan_samples_are_gaps_and_reported():
    history = read_history(answer(("", samples(1, "NaN", 3))), "p.json")
    assert np.array_equal(history.rates_per_s, [1, np.nan, 3], equal_nan=True)
    assert [(i.kind, i.count) for i in history.intake.issues] == [("blank", 1)]


def test_an_increase_over_a_gap_is_in_nobodys_minute():
    history = read_history(answer(("x_total", samples(0, 60, None, None, 900, 960))), "p.json")
    assert np.array_equal(history.counts, [60, np.nan, np.nan, np.nan, 60], equal_nan=True)
    assert history.intake.rows_in == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"data": {"resultType": "matrix"', r"p\.json:1:\d+: not JSON"),
        ('{"data": {"resultType": "vector", "result": []}}', "no matrix"),
        ('{"data": {"resultType": "matrix", "result": []}}', "0 series"),
        ('{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "x"]]}]}}', r"result\[0\]"),
        ('{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "-3"]]}]}}', "value -3"),
        ('{"data": {"resultType": "matrix", "result": [7]}}', r"result\[0\]"),
        ('{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "3"]]}]}}', "no history"),
        (
            '{"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[0, "3"], [1, "3"], [7e9, 3]]}]}}',
            "span",
        ),
    ],
)
def test_what_is_no_answer_is_refused(text, says):
    with pytest.raises(UsageError, match=says):
        read_history(text, "p.json")


def test_a_value_that_is_repeated_before_a_gap_is_no_silence():
    """Prometheus repeats the last value of a target that is gone, for five minutes."""
    text = answer(("x_total", samples(100, 160, 220, 220, 220, 220, 220, 220, None, None, 700, 760)))
    counts = read_history(text, "p.json").counts
    assert np.array_equal(counts, [60, 60, *[np.nan] * 8, 60], equal_nan=True)
    idle = answer(("x_total", samples(100, 160, *[220] * 20, None, None, 700, 760)))
    assert read_history(idle, "p.json").counts[:16].tolist() == [60, 60, *[0.0] * 14]


def test_a_sum_of_counters_is_not_taken_for_a_rate():
    growing = samples(*range(0, 6000, 60))
    with pytest.raises(UsageError, match=r"only ever grows.*sum\(rate"):
        read_history(answer(("", growing)), "p.json")
    restarted = samples(*range(0, 6000, 60), *range(0, 6000, 60))
    with pytest.raises(UsageError, match="only ever grows"):
        read_history(answer(("", restarted)), "p.json")
    rng = np.random.default_rng(1)
    rising = samples(*(np.arange(100) + rng.normal(0, 1, 100)).clip(0))
    assert read_history(answer(("", rising)), "p.json").counts.size == 100
    assert read_history(answer(("", samples(*[7] * 100))), "p.json").counts.size == 100


def test_a_counter_read_more_often_than_it_is_scraped_is_refused():
    halves = samples(*(value for i in range(60) for value in (600 * i, 600 * i)))
    with pytest.raises(UsageError, match=r"stands still at 50%.*longer --step"):
        read_history(answer(("x_total", halves)), "p.json")
    quiet = samples(*np.cumsum(np.random.default_rng(2).poisson(0.5, 120)).tolist())
    assert read_history(answer(("x_total", quiet)), "p.json").counts.sum() > 40
