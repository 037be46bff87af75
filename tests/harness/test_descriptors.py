from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.descriptors import in_flight_within


def test_half_of_few_and_nearly_all_of_many() -> None:
    assert [in_flight_within(limit) for limit in (1, 64, 4_096, 20_000)] == [1, 32, 2_048, 17_952]


@given(st.integers(2, 1 << 20))
def test_a_higher_limit_never_allows_less_and_some_are_left_over(limit: int) -> None:
    assert in_flight_within(limit) <= in_flight_within(limit + 1)
    assert in_flight_within(limit) < limit
