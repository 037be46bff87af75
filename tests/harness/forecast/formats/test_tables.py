import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import read_history


def rows(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_timestamp_and_count():
    history = read_history(
        rows("timestamp,count", "2026-05-04 00:00:00,10", "2026-05-04 00:05:00,20", "2026-05-04 00:10:00,0"), "h.csv"
    )
    assert (history.format, history.bucket_s) == ("table", 300)
    assert list(history.counts) == [10, 20, 0]
    assert history.start_ns == 1777852800 * 10**9
    assert (history.intake.rows_in, history.intake.rows_used, history.intake.rows_reported) == (3, 3, 0)


@pytest.mark.parametrize(
    "text",
    [
        rows("timestamp,value", "2026-05-04T00:00:00Z,600", "2026-05-04T00:01:00Z,1200"),
        rows("value;time", "600;2026-05-04T02:00:00+02:00", "1200;2026-05-04T02:01:00+02:00"),
        rows("ts\trequests", "1777852800\t600", "1777852860\t1200"),
        rows("time,host,count", "1777852800000,a,600", "1777852860000,a,1200"),
        rows("t,rps", "1777852800,10", "1777852860,20"),
        rows("time,rpm", "1777852800,600", "1777852860,1200"),
        rows("2026-05-04 00:00,600", "2026-05-04 00:01,1200"),
        "\ufeff" + '"timestamp","count"\r\n"2026-05-04 00:00","600"\r\n\r\n"2026-05-04 00:01","1200"',
    ],
)
def test_the_same_two_minutes_in_many_dresses(text):
    history = read_history(text, "h.csv")
    assert history.bucket_s == 60
    assert list(history.rates_per_s) == [10, 20]
    assert history.start_ns == 1777852800 * 10**9


def test_a_relative_clock_stays_relative():
    history = read_history(rows("t,rps", "0,212.78", "600,179.7", "1200,180"), "servegen.csv")
    assert history.start_ns is None
    assert history.bucket_s == 600
    assert list(history.rates_per_s) == pytest.approx([212.78, 179.7, 180])


def test_gaps_are_marked_not_filled():
    history = read_history(rows("t,count", "0,1", "60,2", "240,3", "300,4"), "h.csv")
    assert np.array_equal(history.counts, [1, 2, np.nan, np.nan, 3, 4], equal_nan=True)
    assert "2 of 6 buckets are gaps" in history.intake.findings[0]


def test_a_blank_count_is_a_gap_and_reported():
    history = read_history(rows("t,count", "0,1", "60,", "120,NaN", "180,2"), "h.csv")
    assert history.gap_share == 0.5
    assert history.intake.rows_used == 2
    assert [(i.kind, i.count, i.first_line) for i in history.intake.issues] == [("blank", 2, 3)]


def test_of_duplicates_the_largest_counts():
    history = read_history(rows("t,count", "0,1", "60,7", "60,2", "60,7", "120,2"), "h.csv")
    assert list(history.counts) == [1, 7, 2]
    assert [(i.kind, i.count, i.first_line) for i in history.intake.issues] == [("duplicate", 2, 4)]


def test_rows_out_of_order_are_sorted_and_said():
    history = read_history(rows("t,count", "120,3", "0,1", "60,2"), "h.csv")
    assert list(history.counts) == [1, 2, 3]
    assert "1 rows out of order (the first at line 3)" in history.intake.findings[0]


def test_every_malformed_row_has_its_place():
    with pytest.raises(UsageError) as caught:
        read_history(rows("time,count", "2026-05-04,1", "yesterday,2", "2026-05-06,many", "2026-05-07"), "h.csv")
    places = [(p.file, p.line, p.column) for p in caught.value.problems]
    assert places == [("h.csv", 3, 1), ("h.csv", 4, 12), ("h.csv", 5, 1)]


@pytest.mark.parametrize(
    "value", ["-1", "inf", "1e999", "1_000", "0x10", "²", "1,5 req"], ids=lambda value: f"count {value}"
)
def test_what_is_no_count_is_refused(value):
    with pytest.raises(UsageError, match=r"h\.csv:3"):
        read_history(rows("t,count", "0,1", f"60,{value}" if "," not in value else f'60,"{value}"', "120,1"), "h.csv")


def test_many_problems_are_counted_not_listed():
    with pytest.raises(UsageError, match="and 15 more"):
        read_history(rows("t,count", *(f"{i},x" for i in range(25))), "h.csv")


@pytest.mark.parametrize("text", ["", "\n\n  \n", "timestamp,count\n", "t,count\n0,5\n", "t,count\n5,5\n5,6\n"])
def test_nothing_is_no_history(text):
    with pytest.raises(UsageError, match="history"):
        read_history(text, "h.csv")


def test_unknown_columns_are_named():
    with pytest.raises(UsageError, match=r"h\.csv:1:1: no time and count column among 'when', 'how_many'"):
        read_history("when,how_many\n1,2\n", "h.csv")


def test_one_wrong_year_does_not_eat_the_memory():
    with pytest.raises(UsageError, match="buckets, more than"):
        read_history(rows("time,count", "1970-01-01T00:00:00,1", "2026-05-04T00:00:00,1", "2026-05-04T00:00:01,1"), "h")


def test_request_times_one_a_line():
    text = rows("time", *(f"2026-05-04T00:{m:02d}:00.{m:03d}Z" for m in range(20)))
    history = read_history(text, "r.txt")
    assert history.format == "timestamps"
    assert history.bucket_s == 60
    assert np.all(history.counts == 1)
    assert history.requests.offsets_s[3] == pytest.approx(180.003, abs=1e-9)


def test_nanoseconds_of_unix_times_survive():
    history = read_history(rows(*(f"{1777852800 + i}.{i:09d}" for i in range(40))), "r.txt", "timestamps")
    assert history.requests.offsets_s[7] == pytest.approx(7.000000007, abs=2e-10)


def test_an_unreadable_request_time_has_its_line():
    with pytest.raises(UsageError, match=r"r\.txt:3:1: not a time: 'noon'"):
        read_history(rows("0.5", "1.5", "noon", "3"), "r.txt", "timestamps")


def test_an_unknown_format_lists_the_known_ones():
    with pytest.raises(UsageError, match="one of auto, table, timestamps, access-log"):
        read_history("1\n2\n", "r.txt", "csv")
