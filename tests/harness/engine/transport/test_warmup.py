"""Warm-up: bounded at once, ends exactly once, says what came up."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.engine.transport.warmup import AT_ONCE, Warmup


@settings(max_examples=40)
@given(st.integers(0, 300), st.binary(min_size=300, max_size=300))
def test_counts_every_dial_to_its_end(count: int, bits: bytes) -> None:
    fates = [bit % 2 == 1 for bit in bits]
    under_way, most, ready = 0, 0, []

    def dial() -> bool:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        return True

    warmup = Warmup(count, dial, ready.append)
    warmup.start()
    for fate in fates[:count]:
        assert not ready
        under_way -= 1
        warmup.went(fate)
    assert ready == [sum(fates[:count])]
    assert most <= AT_ONCE
    warmup.abandon()
    assert len(ready) == 1


def test_a_dial_that_cannot_start_ends_it() -> None:
    ready: list[int] = []
    Warmup(10, lambda: False, ready.append).start()
    assert ready == [0]


def test_abandoned_midway() -> None:
    ready: list[int] = []
    warmup = Warmup(10, lambda: True, ready.append)
    warmup.start()
    warmup.went(True)
    warmup.abandon()
    assert ready == [1]
