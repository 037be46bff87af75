from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.engine.clocks import estimate_offset

TRIPS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=9)


@given(offset=st.integers(-(10**12), 10**12), trips=TRIPS)
def test_the_true_offset_is_within_the_error(offset: int, trips: list[tuple[int, int, int]]) -> None:
    exchanges = [(asked, asked + there + offset, asked + there + back) for asked, there, back in trips]
    found = estimate_offset(exchanges)
    assert abs(found.offset_ns - offset) <= found.error_ns + 1
    assert found.error_ns <= min((there + back + 1) // 2 for _, there, back in trips)
