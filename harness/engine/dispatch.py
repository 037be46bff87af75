"""Open loop: every arrival is fired at its due time, whatever became of those before it.

One alarm at the next due time; when it rings, everything due by now is fired and the next one armed. An arrival that
cannot be fired (the in-flight bound, a generator that came too late, a stop) is `not_sent`, at once and by name:
nothing is queued silently, nothing is skipped silently.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

from harness.engine.alarm import Alarm
from harness.engine.share import Share
from harness.results import Reason

_BATCH = 256
"""Fired in one go at most; then the loop may look at its sockets before the rest."""

Fire = Callable[[Share, int, int], None]
"""`fire(share, index, now_ns)` begins the journey of one arrival; it does not block and does not raise."""
Skip = Callable[[Share, int, Reason, int], None]
"""`skip(share, index, reason, now_ns)` records an arrival that was not sent."""


class Dispatcher:
    """Fires one share. `room()` says whether one more may be in flight."""

    def __init__(
        self,
        *,
        loop: Any,
        clock_ns: Callable[[], int],
        share: Share,
        start_ns: int,
        fire: Fire,
        skip: Skip,
        room: Callable[[], bool],
        late_cut_ns: int,
        lags_ns: array[int] | None = None,
    ) -> None:
        self._clock_ns = clock_ns
        self._share = share
        self._start_ns = start_ns
        self._fire, self._skip, self._room = fire, skip, room
        self._late_cut_ns = late_cut_ns
        self._next = 0
        self._stopped = False
        self.fired = 0
        self.lags_ns: array[int] = array("q") if lags_ns is None else lags_ns
        """Send lags since the observer last emptied it: after the send returned, so they hold its own cost too."""
        self._alarm = Alarm(loop, self._ring)

    def begin(self) -> None:
        self._arm()

    def stop(self) -> None:
        """Fires nothing more: what is left becomes `not_sent` (reason `stopped`), batch by batch."""
        self._stopped = True
        self._arm()

    @property
    def done(self) -> bool:
        """Every arrival of the share has been fired or skipped."""
        return self._next >= self._share.count

    @property
    def left(self) -> int:
        return self._share.count - self._next

    def close(self) -> None:
        self._alarm.close()

    def _arm(self) -> None:
        if self._stopped:
            self._alarm.set(self._clock_ns())
        elif not self.done:
            self._alarm.set(self._start_ns + self._share.due_ns[self._next])

    def _ring(self) -> None:
        share, clock_ns = self._share, self._clock_ns
        due_ns, start_ns, count = share.due_ns, self._start_ns, share.count
        last = min(count, self._next + _BATCH)
        index, now = self._next, clock_ns()
        while index < last and (self._stopped or start_ns + due_ns[index] <= now):
            self._next = index + 1  # before firing: whatever happens in there, no arrival is fired twice
            now = self._one(index, now - start_ns - due_ns[index], now)
            index += 1
        if index < count:
            self._arm()

    def _one(self, index: int, lag_ns: int, now: int) -> int:
        """Fires or skips one arrival that is `lag_ns` past its due time; returns the time after it."""
        if self._stopped:
            self._skip(self._share, index, Reason.STOPPED, now)
        elif lag_ns > self._late_cut_ns:
            self._skip(self._share, index, Reason.LATE, now)
        elif not self._room():
            self._skip(self._share, index, Reason.IN_FLIGHT_BOUND, now)
        else:
            self.fired += 1
            self._fire(self._share, index, now)
            after = self._clock_ns()
            self.lags_ns.append(lag_ns + after - now)
            return after
        return self._clock_ns()
