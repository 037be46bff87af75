"""Deadlines for thousands of connections with one timer and no cost for a request that ends in time. No I/O.

A connection has at most a few entries in the heap. A request only adds one when its deadline comes before everything
that is already scheduled for its connection; when an entry comes due, the connection says when it truly expires, and is
scheduled anew if that is later. On a busy connection that is once per deadline, not once per request.
"""

from __future__ import annotations

import heapq
from typing import Protocol

NEVER_NS = 2**63 - 1


class Expiring(Protocol):
    scheduled_ns: int
    """Owned by `Deadlines`: the earliest entry in the heap; NEVER_NS for none."""

    def expires_ns(self, now_ns: int) -> int:
        """When to end it, or to ask again; NEVER_NS while nothing is under way. By `now_ns` means: end it now."""

    def expire(self, now_ns: int) -> None:
        """The moment has come."""


class Deadlines:
    """Which connections are past their time, and when to look again."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Expiring]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_ns(self) -> int:
        return self._heap[0][0] if self._heap else NEVER_NS

    def schedule(self, item: Expiring, at_ns: int) -> bool:
        """Look at `item` no later than `at_ns`. True when it is now the first: the timer must be set anew."""
        if at_ns >= item.scheduled_ns:
            return False
        item.scheduled_ns = at_ns
        self._count += 1
        heapq.heappush(self._heap, (at_ns, self._count, item))
        return self._heap[0][2] is item

    def run(self, now_ns: int) -> None:
        """Expire everything whose time has come by `now_ns`."""
        heap = self._heap
        while heap and heap[0][0] <= now_ns:
            at_ns, _, item = heapq.heappop(heap)
            if item.scheduled_ns != at_ns:
                continue  # an earlier entry was served, and this one is left over
            item.scheduled_ns = NEVER_NS
            due_ns = item.expires_ns(now_ns)
            if due_ns <= now_ns:
                item.expire(now_ns)
            elif due_ns < NEVER_NS:
                self.schedule(item, due_ns)

    def clear(self) -> None:
        self._heap.clear()
