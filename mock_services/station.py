"""A place of work: some servers, one queue before them, first come first served. Pure: the caller brings the time."""

from __future__ import annotations

import heapq
import math
from collections import deque


class Station:
    """`servers` requests are worked on at once, at most `queue` wait; one more is turned away.

    The end of the work is known at the arrival, for the work itself is: nothing runs here but arithmetic.
    """

    def __init__(self, servers: int, queue: float = math.inf) -> None:
        self.queue = queue
        self._free_at: list[float] = [-math.inf] * servers
        self._starts: deque[float] = deque()

    def waiting(self, now_s: float) -> int:
        while self._starts and self._starts[0] <= now_s:
            self._starts.popleft()
        return len(self._starts)

    def admit(self, now_s: float, work_s: float) -> float | None:
        """When this work will be done, in the clock's seconds; None where the queue is full."""
        start_s = max(now_s, self._free_at[0])
        if start_s > now_s:
            if self.waiting(now_s) >= self.queue:
                return None
            self._starts.append(start_s)
        done_s = start_s + work_s
        heapq.heapreplace(self._free_at, done_s)
        return done_s

    def resize(self, servers: int, queue: float, now_s: float) -> None:
        """New capacity at once; work under way is finished, and the busiest servers are the ones taken away."""
        self.queue = queue
        free_at = sorted(self._free_at)[:servers]
        self._free_at = free_at + [now_s] * (servers - len(free_at))
        heapq.heapify(self._free_at)
