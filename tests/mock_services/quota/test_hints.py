from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.quota.hints import go_duration, http_date, rfc3339, whole_milliseconds, whole_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.084, "84ms"),
        (1, "1s"),
        (1.146, "1.146s"),
        (7.66, "7.66s"),
        (59.9996, "1m0s"),
        (61.5, "1m1.5s"),
        (360, "6m0s"),
        (3600, "1h0m0s"),
        (86_399.9, "23h59m59.9s"),
    ],
)
def test_go_duration(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


@given(st.floats(0, 1e6))
def test_whole_hints_are_sufficient_and_minimal(wait_s: float) -> None:
    seconds, milliseconds = whole_seconds(wait_s), whole_milliseconds(wait_s)
    assert seconds >= wait_s - 1e-6 and (seconds == 1 or seconds - 1 < wait_s)
    assert milliseconds >= wait_s * 1000 - 1e-3 and milliseconds - 1 < wait_s * 1000


def test_dates_round_up() -> None:
    assert rfc3339(0.2) == "1970-01-01T00:00:01Z"
    assert http_date(0.2) == "Thu, 01 Jan 1970 00:00:01 GMT"
