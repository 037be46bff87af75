"""Everything expires on time, whatever was scheduled in between, and the heap stays small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.engine.transport.deadlines import NEVER_NS, Deadlines


class Item:
    def __init__(self) -> None:
        self.scheduled_ns = NEVER_NS
        self.due_ns = NEVER_NS
        self.expired_at: list[int] = []

    def expires_ns(self, now_ns: int) -> int:
        return self.due_ns

    def expire(self, now_ns: int) -> None:
        self.expired_at.append(now_ns)
        self.due_ns = NEVER_NS


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 50), st.booleans()), max_size=60))
def test_expires_at_the_first_look_after_it_is_due_and_never_before(steps: list[tuple[int, int, bool]]) -> None:
    """Time moves by one; each step gives an item a new deadline, or ends its request in time."""
    deadlines, items = Deadlines(), [Item() for _ in range(5)]
    expected: dict[int, int] = {}
    for now, (which, delay, ends) in enumerate(steps):
        item = items[which]
        if ends:
            item.due_ns = NEVER_NS
            expected.pop(which, None)
        else:
            item.due_ns = now + delay
            expected[which] = now + delay
            deadlines.schedule(item, now + delay)
        deadlines.run(now)
        for index in [i for i, due in expected.items() if due <= now]:
            assert items[index].expired_at[-1] == now
            del expected[index]
        for index in expected:
            assert now not in items[index].expired_at
    deadlines.run(10**6)
    assert all(items[i].expired_at for i in expected)
    assert len(deadlines) == 0


def test_a_busy_connection_costs_one_entry_not_one_a_request() -> None:
    deadlines, item = Deadlines(), Item()
    for now in range(100_000):
        item.due_ns = now + 60_000
        deadlines.schedule(item, item.due_ns)
        deadlines.run(now)
        assert len(deadlines) <= 1
    assert not item.expired_at


def test_schedule_says_when_the_timer_must_be_set_anew() -> None:
    deadlines, a, b = Deadlines(), Item(), Item()
    assert deadlines.schedule(a, 100)
    assert not deadlines.schedule(b, 200)
    assert deadlines.schedule(b, 50)
    assert deadlines.next_ns == 50
    deadlines.clear()
    assert deadlines.next_ns == NEVER_NS
