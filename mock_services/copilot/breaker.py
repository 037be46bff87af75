"""A circuit breaker, pure: the caller brings the time. One a dependency.

closed -> open      on a run of failures, or when too large a share of the rolling window failed or was slow
open -> half open   after a pause, which doubles while probes fail
half open           as many calls as it takes are let through as probes; all good closes it, a bad one opens it again

A dependency that says when to come back (Retry-After) is not called before, whatever the state.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class BreakerRules:
    """When a breaker opens and how it closes; times in seconds, shares in 0..1."""

    window_s: float = 10.0
    least_calls: int = 10
    """Shares are not judged on fewer calls than this in the window."""
    failed_share: float = 0.5
    slow_share: float = 0.8
    slow_call_s: float = float("inf")
    failures_in_a_row: int = 5
    open_s: float = 2.0
    longest_open_s: float = 6.0
    good_probes: int = 2
    """This many, at most, are under way at once."""
    longest_hint_s: float = 120.0
    enabled: bool = True
    honour_hints: bool = True


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave for one call. It must be settled exactly once: `succeeded`, `failed` or `abandoned`."""

    is_probe: bool


class Breaker:
    """Counts calls of the last `window_s` seconds and says whether the next one may go out."""

    def __init__(self, rules: BreakerRules) -> None:
        self.rules = rules
        self.times_opened = 0
        self._state = State.CLOSED
        self._calls: deque[tuple[float, bool, bool]] = deque()
        self._failed = 0
        self._slow = 0
        self._failures_in_a_row = 0
        self._open_until_s = 0.0
        self._pause_s = rules.open_s
        self._hold_until_s = 0.0
        self._probes_out = 0
        self._good_probes = 0

    def state(self, now_s: float) -> State:
        if self._state is State.OPEN and now_s >= self._open_until_s:
            return State.HALF_OPEN
        return self._state

    def permit(self, now_s: float) -> Permit | None:
        """Leave for a call now, or None where the dependency is to be left alone."""
        if now_s < self._hold_until_s:
            return None
        state = self.state(now_s)
        if state is State.CLOSED:
            return Permit(is_probe=False)
        if state is State.OPEN or self._probes_out + self._good_probes >= self.rules.good_probes:
            return None
        self._state = State.HALF_OPEN
        self._probes_out += 1
        return Permit(is_probe=True)

    def wait_s(self, now_s: float) -> float:
        """Seconds until a call may be let through; 0 when one may now."""
        until_s = self._hold_until_s
        if self._state is State.OPEN:
            until_s = max(until_s, self._open_until_s)
        return max(0.0, until_s - now_s)

    def succeeded(self, permit: Permit, now_s: float, took_s: float) -> None:
        is_slow = took_s > self.rules.slow_call_s
        self._failures_in_a_row = 0
        self._note(now_s, is_failed=False, is_slow=is_slow)
        if permit.is_probe:
            self._settle_probe(now_s, is_good=not is_slow)
        elif self._state is State.CLOSED:
            self._judge(now_s)

    def failed(self, permit: Permit, now_s: float, retry_after_s: float | None = None) -> None:
        """A call failed; `retry_after_s` is the pause the dependency asked for, if it did."""
        if retry_after_s is not None and self.rules.honour_hints:
            self._hold_until_s = max(self._hold_until_s, now_s + min(retry_after_s, self.rules.longest_hint_s))
        self._failures_in_a_row += 1
        self._note(now_s, is_failed=True, is_slow=False)
        if permit.is_probe:
            self._settle_probe(now_s, is_good=False)
        elif self._state is State.CLOSED:
            self._judge(now_s)

    def abandoned(self, permit: Permit) -> None:
        """The caller left before the call ended: nothing is learnt from it."""
        if permit.is_probe:
            self._probes_out -= 1

    def _settle_probe(self, now_s: float, *, is_good: bool) -> None:
        self._probes_out -= 1
        if self._state is not State.HALF_OPEN:
            return
        if not is_good:
            self._pause_s = min(self._pause_s * 2, self.rules.longest_open_s)
            self._open(now_s)
            return
        self._good_probes += 1
        if self._good_probes >= self.rules.good_probes:
            self._state = State.CLOSED
            self._good_probes = 0
            self._pause_s = self.rules.open_s
            self._forget_all()

    def _judge(self, now_s: float) -> None:
        rules = self.rules
        if not rules.enabled:
            return
        n = len(self._calls)
        is_bad = self._failures_in_a_row >= rules.failures_in_a_row
        if n >= rules.least_calls:
            is_bad |= self._failed >= rules.failed_share * n or self._slow >= rules.slow_share * n
        if is_bad:
            self._open(now_s)

    def _open(self, now_s: float) -> None:
        self._state = State.OPEN
        self._good_probes = 0
        self._open_until_s = now_s + self._pause_s
        self.times_opened += 1
        self._forget_all()

    def _forget_all(self) -> None:
        self._calls.clear()
        self._failed = self._slow = self._failures_in_a_row = 0

    def _note(self, now_s: float, *, is_failed: bool, is_slow: bool) -> None:
        self._calls.append((now_s, is_failed, is_slow))
        self._failed += is_failed
        self._slow += is_slow
        while self._calls[0][0] < now_s - self.rules.window_s:
            _, was_failed, was_slow = self._calls.popleft()
            self._failed -= was_failed
            self._slow -= was_slow
