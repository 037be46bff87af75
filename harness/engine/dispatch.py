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
_SOON_NS = 10_000
"""To arm a timer and to wake up by it takes as long: until then the loop turns instead."""
NEVER_DUE = 2**63 - 1
_LATE, _BOUND = Reason.LATE, Reason.IN_FLIGHT_BOUND  # bound once: see exchange.py

Fire = Callable[[Share, int, int], None]
"""`fire(share, index, now_ns)` begins the journey of one arrival; it does not block and does not raise."""
Skip = Callable[[Share, int, Reason, int], None]
"""`skip(share, index, reason, now_ns)` records an arrival that was not sent."""


class Dispatcher:
    """Fires one share. `room()` says how many more may be in flight."""

    def __init__(
        self,
        *,
        loop: Any,
        clock_ns: Callable[[], int],
        share: Share,
        start_ns: int,
        fire: Fire,
        skip: Skip,
        room: Callable[[], int],
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
    def next_due_ns(self) -> int:
        """When the next arrival is to be fired, by `clock_ns`; `NEVER_DUE` when none is left."""
        return NEVER_DUE if self.done else self._start_ns + self._share.due_ns[self._next]

    @property
    def left(self) -> int:
        return self._share.count - self._next

    def close(self) -> None:
        self._alarm.close()

    def _arm(self) -> None:
        if not self.done:
            self._alarm.set(self._clock_ns() if self._stopped else self._start_ns + self._share.due_ns[self._next])

    def _ring(self) -> None:
        """Everything due by now, a batch at most. One loop without calls of its own: it runs for every arrival."""
        if self._stopped:
            self._skip_batch()
            return
        share, clock_ns, room, fire, skip = self._share, self._clock_ns, self._room, self._fire, self._skip
        due_ns, start_ns, late_cut_ns, lag = share.due_ns, self._start_ns, self._late_cut_ns, self.lags_ns.append
        index, last, free, now = self._next, min(share.count, self._next + _BATCH), room(), clock_ns()
        while index < last:
            at_ns = start_ns + due_ns[index]
            if at_ns > now:
                break
            self._next = index + 1  # before firing: whatever happens in there, no arrival is fired twice
            if now - at_ns > late_cut_ns:
                skip(share, index, _LATE, now)
                now = clock_ns()
            elif free <= 0 and (free := room()) <= 0:  # asked anew: a journey may have ended as it began
                skip(share, index, _BOUND, now)
            else:
                self.fired += 1
                free -= 1
                fire(share, index, now)
                now = clock_ns()
                lag(now - at_ns)
            index += 1
        if index < share.count:
            at_ns = start_ns + due_ns[index]
            if at_ns - now < _SOON_NS:
                self._alarm.again(at_ns)
            else:
                self._alarm.set(at_ns)

    def _skip_batch(self) -> None:
        now = self._clock_ns()
        for index in range(self._next, min(self._share.count, self._next + _BATCH)):
            self._next = index + 1
            self._skip(self._share, index, Reason.STOPPED, now)
        self._arm()
