"""The thread that holds the leased faults of a drill: grants them in time, renews them, and takes them back."""

from __future__ import annotations

import time
from collections.abc import Sequence

import httpx

from harness.drill import Injector, Lease, take_back
from harness.drill.timeline import FaultSpan
from harness.errors import RefusedError
from harness.run.drill_holding import TICK_S, Holder, Terms


class FaultHolder(Holder):
    """All leases of one injector. What speaks against their rollback is asked of its upstreams, at the end."""

    def __init__(self, injector: Injector, spans: Sequence[FaultSpan], terms: Terms) -> None:
        super().__init__("drill-faults", terms)
        self._injector = injector
        self._spans = tuple(spans)
        self._held: dict[FaultSpan, tuple[Lease, float]] = {}
        self._over: set[str] = set()

    def dismiss(self) -> None:
        """It holds nothing before it is started."""

    @property
    def over(self) -> frozenset[str]:
        return frozenset(self._over)

    def reverted(self) -> dict[str, float]:
        ours = {lease.id for lease in self.granted}
        try:
            return {ended.id: ended.reverted_s for ended in self._injector.ended() if ended.id in ours}
        except httpx.HTTPError:
            return {}

    def run(self) -> None:
        waiting = list(self._spans)
        try:
            while (waiting or self._held) and not self._stopping.wait(TICK_S):
                now_s = self._terms.now_s()
                due = [span for span in waiting if span.start_s <= now_s]
                waiting = [span for span in waiting if span not in due]
                if due and not self.granted and self._forbidden("no fault was injected"):
                    return
                self._step(due, now_s)
        except (httpx.HTTPError, RefusedError) as error:
            self._wrong(self.trouble or f"the injector failed: {error or type(error).__name__}")
        finally:
            self._take_back(list(self._held))

    def _step(self, due: list[FaultSpan], now_s: float) -> None:
        ttl_s = self._terms.ttl_s
        for span in due:
            lasts_s = span.end_s - span.start_s
            # One that nobody takes back in time still ends, a little later, by itself.
            lease = self._injector.grant(span.fault, self._terms.owner, ttl_s, lasts_s + ttl_s)
            self._held[span] = (lease, now_s + ttl_s / 3)
            self.granted.append(lease)
            self._note(f"fault {lease.fault} on {lease.on}: in force (lease {lease.id})")
        self._take_back([span for span in self._held if span.end_s <= now_s])
        for span, (lease, renew_s) in list(self._held.items()):
            if renew_s > now_s:
                continue
            if self._injector.renew(lease):
                self._held[span] = (lease, now_s + ttl_s / 3)
            else:
                del self._held[span]
                self._wrong(f"the lease of {lease.fault} on {lease.on} was lost {now_s:.1f} s into the run")

    def _take_back(self, spans: list[FaultSpan]) -> None:
        for span in spans:
            lease, _ = self._held.pop(span)
            wrong = take_back(self._injector, [lease], time.sleep)
            self._over.add(lease.id)
            self.trouble = self.trouble or wrong
            self._note(wrong or f"fault {lease.fault} on {lease.on}: reverted")

    def _wrong(self, what: str) -> None:
        self.trouble = what
        self._note(what)
        self._terms.alarm(what)
