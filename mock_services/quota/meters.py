"""How a limit counts: continuous bucket, sliding window, fixed window, concurrency, acceleration.

Laws, kept by property tests: what was admitted never exceeds the limit (for the bucket: the limit at once, the
refill thereafter); `wait_s` is sufficient (asked again then, alone, it fits) and minimal (any earlier, it does not).
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

EPSILON = 1e-6
"""Of a token: what floating point may lose, and nothing more."""


class Meter(Protocol):
    """Times are seconds on one clock that never goes back; costs are tokens or requests."""

    limit: float

    def used(self, now: float) -> float:
        """What counts against the limit now. Above the limit only by debt (settled costs) or a lowered limit."""

    def wait_s(self, cost: float, now: float) -> float:
        """0 where it fits now; infinity where it never will; else the exact time until it fits if alone."""

    def take(self, cost: float, now: float) -> None:
        """Books a cost, fitting or not; a negative one gives back."""

    def reset_s(self, now: float) -> float:
        """Time until nothing is used any more."""

    def resize(self, limit: float, now: float) -> None:
        """A new limit at once; what is used stays used, up to the new limit."""


class ContinuousBucket:
    """OpenAI's and Groq's: refilled at limit/window all the time, holds one window's worth.

    `wait_s = (used + cost - limit) / limit * window`, which matches captured bodies to the millisecond.
    """

    def __init__(self, limit: float, window_s: float = 60.0) -> None:
        self.limit = limit
        self.window_s = window_s
        self._used = 0.0
        self._at = -math.inf

    def used(self, now: float) -> float:
        if now > self._at:
            if self._used > 0:
                self._used = max(0.0, self._used - (now - self._at) * self.limit / self.window_s)
            self._at = now
        return self._used

    def wait_s(self, cost: float, now: float) -> float:
        if cost > self.limit + EPSILON:
            return math.inf
        excess = self.used(now) + cost - self.limit
        if excess <= EPSILON:
            return 0.0
        return excess / self.limit * self.window_s if self.limit > 0 else math.inf

    def take(self, cost: float, now: float) -> None:
        self._used = max(0.0, self.used(now) + cost)

    def reset_s(self, now: float) -> float:
        used = self.used(now)
        if used <= 0:
            return 0.0
        return used / self.limit * self.window_s if self.limit > 0 else math.inf

    def resize(self, limit: float, now: float) -> None:
        self._used = min(self.used(now), limit)
        self.limit = limit


class SlidingWindow:
    """An exact log: what was taken during the last `window_s` seconds."""

    def __init__(self, limit: float, window_s: float = 60.0) -> None:
        self.limit = limit
        self.window_s = window_s
        self._taken: deque[tuple[float, float]] = deque()
        self._used = 0.0

    def used(self, now: float) -> float:
        while self._taken and self._taken[0][0] + self.window_s <= now:
            self._used -= self._taken.popleft()[1]
        if not self._taken:
            self._used = 0.0  # nothing left: no floating-point residue either
        return max(0.0, self._used)

    def wait_s(self, cost: float, now: float) -> float:
        if cost > self.limit + EPSILON:
            return math.inf
        excess = self.used(now) + cost - self.limit
        if excess <= EPSILON:
            return 0.0
        freed = 0.0
        for at, taken in self._taken:
            freed += taken
            if excess - freed <= EPSILON:
                return _until(at + self.window_s, now)
        return math.inf

    def take(self, cost: float, now: float) -> None:
        self.used(now)
        if cost >= 0:
            self._taken.append((now, cost))
            self._used += cost
            return
        back = -cost  # given back from the oldest on: what stays expires later rather than earlier
        while back > 0 and self._taken:
            at, taken = self._taken.popleft()
            given = min(back, taken)
            back -= given
            self._used -= given
            if taken > given:
                self._taken.appendleft((at, taken - given))

    def reset_s(self, now: float) -> float:
        self.used(now)
        return _until(self._taken[-1][0] + self.window_s, now) if self._taken else 0.0

    def resize(self, limit: float, now: float) -> None:
        excess = self.used(now) - limit
        if excess > 0:
            self.take(-excess, now)
        self.limit = limit


class FixedWindow:
    """A counter that starts anew at every multiple of `window_s`; it lets twice the limit through at an edge."""

    def __init__(self, limit: float, window_s: float = 60.0) -> None:
        self.limit = limit
        self.window_s = window_s
        self._window = 0
        self._used = 0.0

    def used(self, now: float) -> float:
        window = math.floor(now / self.window_s)
        if window > self._window:
            if self._used:  # a debt is paid off window by window
                self._used = max(0.0, self._used - self.limit * (window - self._window))
            self._window = window
        return self._used

    def wait_s(self, cost: float, now: float) -> float:
        if cost > self.limit + EPSILON:
            return math.inf
        if self.used(now) + cost - self.limit <= EPSILON:
            return 0.0
        windows = max(1, math.ceil((self._used + cost - self.limit - EPSILON) / max(self.limit, EPSILON)))
        return _until((self._window + windows) * self.window_s, now)

    def take(self, cost: float, now: float) -> None:
        self._used = max(0.0, self.used(now) + cost)

    def reset_s(self, now: float) -> float:
        return _until((self._window + 1) * self.window_s, now) if self.used(now) > 0 else 0.0

    def resize(self, limit: float, now: float) -> None:
        self._used = min(self.used(now), limit)
        self.limit = limit


class Concurrency:
    """Requests in flight. A wait cannot be computed: it ends when another request does."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._used = 0.0

    def used(self, now: float) -> float:
        return self._used

    def wait_s(self, cost: float, now: float) -> float:
        return 0.0 if self._used + cost <= self.limit + EPSILON else math.inf

    def take(self, cost: float, now: float) -> None:
        self._used = max(0.0, self._used + cost)

    def reset_s(self, now: float) -> float:
        return 0.0

    def resize(self, limit: float, now: float) -> None:
        self.limit = limit


class Acceleration:
    """Anthropic's acceleration limit: the rate may grow by at most `limit` times within `window_s`.

    The rate of the last `span_s` seconds is held against `limit` times that of the same span one window ago, or
    against `floor` requests where there was less: from a standing start, `floor` are allowed.
    """

    def __init__(self, limit: float, window_s: float = 60.0, span_s: float = 10.0, floor: float = 20.0) -> None:
        self.limit = limit
        self.window_s = window_s
        self.span_s = span_s
        self.floor = floor
        self._now_log = SlidingWindow(math.inf, span_s)
        self._then_log: deque[tuple[float, float]] = deque()

    def _before(self, now: float) -> float:
        """What was taken in the span that ended a window ago."""
        start = now - self.window_s - self.span_s
        while self._then_log and self._then_log[0][0] <= start:
            self._then_log.popleft()
        return sum(cost for at, cost in self._then_log if at <= now - self.window_s)

    def allowed(self, now: float) -> float:
        return max(self.floor, self.limit * self._before(now))

    def used(self, now: float) -> float:
        return self._now_log.used(now)

    def wait_s(self, cost: float, now: float) -> float:
        """Sufficient, not minimal: by then the present span is over."""
        return 0.0 if self.used(now) + cost <= self.allowed(now) + EPSILON else self.reset_s(now)

    def take(self, cost: float, now: float) -> None:
        self._now_log.take(cost, now)
        self._then_log.append((now, cost))

    def reset_s(self, now: float) -> float:
        return self._now_log.reset_s(now)

    def resize(self, limit: float, now: float) -> None:
        self.limit = limit


def _until(moment: float, now: float) -> float:
    """moment - now, rounded up in the last bit so that now + wait is not before the moment."""
    wait_s = moment - now
    while now + wait_s < moment:
        wait_s = math.nextafter(wait_s, math.inf)
    return wait_s
