from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report import words

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0412, "4.1 %"),
        (0, "0 %"),
        (1, "100 %"),
        (0.71, "71 %"),
        (0.987, "98.7 %"),
        (0.99953, "99.953 %"),
        (3.4e-4, "0.034 %"),
        (NAN, "-"),
    ],
)
def test_a_share_shows_two_digits_of_what_matters(value: float, text: str) -> None:
    assert words.share(value) == text


@given(st.floats(1e-6, 1 - 1e-6))
def test_a_share_below_one_never_reads_as_all_or_nothing(value: float) -> None:
    assert words.share(value) not in ("0 %", "100 %")
    assert float(words.share(value).removesuffix(" %")) / 100 == pytest.approx(
        value, abs=0.06 * min(value, 1 - value) + 6e-7
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.0, "s", "2 s"),
        (0.8, "s", "800 ms"),
        (0.06, "s", "60 ms"),
        (0.01, "share", "1 %"),
        (0.005, "share", "0.5 %"),
        (NAN, "s", "-"),
        (600, "s", "10 m 00 s"),
        (40, "1/s", "40/s"),
        (1.5, "ratio", "1.5"),
        (25, "USD", "25 USD"),
        (INF, "USD", "∞"),
    ],
)
def test_a_limit_reads_as_it_was_written(value: float, unit: str, text: str) -> None:
    assert words.limit(value, unit) == text


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ((1.93, 1.78, 2.11, "s"), "1\u202f930 ms [1\u202f780, 2\u202f110]"),
        ((7.1, 6.9, 7.4, "s"), "7.1 s [6.9, 7.4]"),
        ((INF, 4.9, INF, "s"), "never [4\u202f900 ms, never]"),
        ((1.2, 1.1, INF, "s"), "1\u202f200 ms [1\u202f100, never]"),
        ((0.019, 0.015, 0.025, "share"), "1.9 % [1.5, 2.5]"),
        ((0.0, 0.0, 0.0028, "share"), "0 % [0.00, 0.28]"),
        ((0.00052, 1e-9, 0.0049, "share"), "0.052 % [0.00, 0.49]"),
        ((0.5, INF, NAN, "share"), "50 %"),
        ((-INF, -INF, -INF, "1/s"), "none [none, none]"),
        ((12.0, 11.0, 13.5, "1/s"), "12/s [11, 13.5]"),
        ((1.2, NAN, NAN, "s"), "1\u202f200 ms"),
        ((NAN, NAN, NAN, "s"), "-"),
    ],
)
def test_a_value_shares_its_unit_with_its_interval(given_: tuple[float, float, float, str], text: str) -> None:
    assert words.quantity_interval(*given_) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(47.62, "47.6"), (60.0, "60"), (9.876, "9.88"), (0.25, "0.25"), (1234.0, "1\u202f234"), (None, "-"), (NAN, "-")],
)
def test_rates(value: float | None, text: str) -> None:
    assert words.rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.21, "-21 %"), (0.067, "+7 %"), (-0.0004, "+0 %"), (None, "-"), (NAN, "-")]
)
def test_headroom_has_its_sign(value: float | None, text: str) -> None:
    assert words.headroom(value) == text
