import numpy as np
import pytest

from harness.errors import UsageError
from harness.forecast import read_history
from harness.forecast.formats.lines import numbered_lines, parse_number, parse_times, split_fields


def test_lines_keep_their_numbers():
    assert list(numbered_lines("\ufeffa\r\n\n \nb\x0bc\u2028d\n")) == [(1, "a"), (4, "b\x0bc\u2028d")]


def test_a_stray_quote_swallows_no_line():
    assert split_fields('a,"b,c', ",") == ["a", "b,c"]
    assert split_fields('"x, y",2', ",") == ["x, y", "2"]


@pytest.mark.parametrize(
    ("text", "value"), [("1e3", 1000), (" 2.5", 2.5), ("1_000", None), ("nan", None), ("-0.1", None), ("٣", 3)]
)
def test_numbers(text, value):
    parsed = parse_number(text)
    assert np.isnan(parsed) if value is None else parsed == value


@pytest.mark.parametrize(
    ("texts", "zone", "hours"),
    [
        (["2026-03-29T01:30", "2026-03-29T03:30"], "Europe/Berlin", 1.0),  # spring: two o'clock does not exist
        (["2026-10-25T01:30", "2026-10-25T02:30", "2026-10-25T02:30", "2026-10-25T03:30"], "Europe/Berlin", 1.0),
        (["2026-10-25T00:00", "2026-10-25T01:00"], "UTC", 1.0),
        (["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"], "Europe/Berlin", 1.0),
    ],
)
def test_the_clock_changes(texts, zone, hours):
    times_ns, parsed, _ = parse_times(texts, zone)
    assert parsed.all()
    gaps = np.diff(times_ns) / 3600e9
    if len(texts) == 4:  # an hour that is there twice, in order but for the jump back
        assert list(gaps) == [1.0, 0.0, 2.0] or list(gaps) == [1.0, 1.0, 1.0]
    else:
        assert list(gaps) == [hours]


def test_the_repeated_hour_is_told_apart_by_the_jump_back():
    texts = [f"2026-10-25T0{h}:{m:02d}" for h, m in ((2, 0), (2, 30), (2, 0), (2, 30), (3, 0))]
    times_ns, parsed, _ = parse_times(texts, "Europe/Berlin")
    assert parsed.all()
    assert list(np.diff(times_ns) / 60e9) == [30, 30, 30, 30]


def test_a_skipped_local_time_is_no_time():
    assert list(parse_times(["2026-03-29T02:30", "2026-03-29T03:30"], "Europe/Berlin")[1]) == [False, True]


def test_a_history_in_local_time():
    text = "time,count\n" + "\n".join(
        f"2026-03-{d:02d} {h:02d}:00,5" for d in (28, 29) for h in range(24) if (d, h) != (29, 2)
    )
    history = read_history(text, "h.csv", timezone="Europe/Berlin")
    assert history.timezone == "Europe/Berlin"
    assert history.gap_share == 0
    assert history.counts.size == 47


def test_an_unknown_zone():
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(UsageError, match="unknown time zone"):
            read_history("t,count\n0,1\n60,2\n", "h.csv", timezone=zone)
