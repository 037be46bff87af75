"""The thread that holds the faults of a drill: grants them in time, renews them, and takes them back whatever comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from harness.drill import Injector, Lease, Timeline, take_back
from harness.drill.timeline import FaultSpan
from harness.errors import RefusedError

TICK_S = 0.05


@dataclass(frozen=True)
class Event:
    """One line of the journal, on the run's clock."""

    at_s: float
    what: str


class FaultHolder(threading.Thread):
    """Runs beside the load. `now_s` is the run's clock (negative until the load begins), `veto` says at the moment of
    the first fault why none may be injected, or nothing."""

    def __init__(
        self,
        injector: Injector,
        timeline: Timeline,
        *,
        owner: str,
        ttl_s: float,
        now_s: Callable[[], float],
        veto: Callable[[], str],
        alarm: Callable[[str], None],
    ) -> None:
        """`alarm` is called with what went wrong, at once: the other faults and the load need not go on."""
        super().__init__(name="drill-faults", daemon=True)
        self._injector = injector
        self._timeline = timeline
        self._owner = owner
        self._ttl_s = ttl_s
        self._now_s = now_s
        self._veto = veto
        self._alarm = alarm
        self._stopping = threading.Event()
        self._held: dict[FaultSpan, tuple[Lease, float]] = {}
        self.journal: list[Event] = []
        self.granted: list[Lease] = []
        self.not_injected = ""
        self.trouble = ""
        self.against = ""
        """What speaks against the rollback is asked of the injector, at the end."""
        self.shown: list[str] = []
        self._over: set[str] = set()

    def stop(self) -> None:
        """Take everything back now. Safe from a signal handler; does not wait."""
        self._stopping.set()

    def dismiss(self) -> None:
        """For one that was never started: it holds nothing."""

    @property
    def over(self) -> frozenset[str]:
        """The leases that were taken back."""
        return frozenset(self._over)

    def reverted(self) -> dict[str, float]:
        """lease -> when it ended by the injector's monotonic clock; without those that it cannot tell of."""
        ours = {lease.id for lease in self.granted}
        try:
            return {ended.id: ended.reverted_s for ended in self._injector.ended() if ended.id in ours}
        except httpx.HTTPError:
            return {}

    def run(self) -> None:
        waiting = list(self._timeline.spans)
        try:
            while (waiting or self._held) and not self._stopping.wait(TICK_S):
                now_s = self._now_s()
                due = [span for span in waiting if span.start_s <= now_s]
                waiting = [span for span in waiting if span not in due]
                if due and not self.granted and (why := self._veto()):
                    self.not_injected = why
                    self._note(f"no fault was injected: {why}")
                    self._alarm(why)
                    return
                self._step(due, now_s)
        except (httpx.HTTPError, RefusedError) as error:
            self.trouble = self.trouble or f"the injector failed: {error or type(error).__name__}"
            self._note(self.trouble)
            self._alarm(self.trouble)
        finally:
            self._take_back(list(self._held))

    def _step(self, due: list[FaultSpan], now_s: float) -> None:
        for span in due:
            lasts_s = span.end_s - span.start_s
            # One that nobody takes back in time still ends, a little later, by itself.
            lease = self._injector.grant(span.fault, self._owner, self._ttl_s, lasts_s + self._ttl_s)
            self._held[span] = (lease, now_s + self._ttl_s / 3)
            self.granted.append(lease)
            self._note(f"fault {lease.fault} on {lease.on}: in force (lease {lease.id})")
        self._take_back([span for span in self._held if span.end_s <= now_s])
        for span, (lease, renew_s) in list(self._held.items()):
            if renew_s > now_s:
                continue
            if self._injector.renew(lease):
                self._held[span] = (lease, now_s + self._ttl_s / 3)
            else:
                del self._held[span]
                self.trouble = f"the lease of {lease.fault} on {lease.on} was lost {now_s:.1f} s into the run"
                self._note(self.trouble)
                self._alarm(self.trouble)

    def _take_back(self, spans: list[FaultSpan]) -> None:
        for span in spans:
            lease, _ = self._held.pop(span)
            wrong = take_back(self._injector, [lease], time.sleep)
            self._over.add(lease.id)
            self.trouble = self.trouble or wrong
            self._note(wrong or f"fault {lease.fault} on {lease.on}: reverted")

    def _note(self, what: str) -> None:
        self.journal.append(Event(self._now_s(), what))
