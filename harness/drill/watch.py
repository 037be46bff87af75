"""The live side of a drill: abort rule and steady state, on the counts that the engine tells as it goes. Pure."""

from __future__ import annotations

from collections import deque

from harness.drill.bounds import AbortRule
from harness.drill.detect import WINDOW_REQUESTS, share_low
from harness.drill.model import SteadyState

_GOOD = ("ok", "degraded")


class Watch:
    """Fed with cumulative outcomes about once a second; remembers as much as its questions need."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int, int]] = deque(maxlen=4000)

    def feed(self, at_s: float, outcomes: dict[str, int]) -> None:
        """`outcomes` counts arrivals by label, since the start of the load."""
        total = sum(outcomes.values())
        good = sum(outcomes.get(name, 0) for name in _GOOD)
        self._seen.append((at_s, total, total - good, outcomes.get("degraded", 0)))

    def unsteady(self, state: SteadyState, since_s: float) -> str:
        """What of the steady state is certainly broken since then; empty where nothing is."""
        total, bad, degraded = self._since(since_s)
        if total < WINDOW_REQUESTS:
            return ""
        for name, count, bound in (("errors", bad, state.errors), ("degraded", degraded, state.degraded)):
            if not bound.allows(share_low(count, total)):
                return f"{name} {count / total:.1%} of {total}, asked {bound}"
        return ""

    def aborts(self, rule: AbortRule, now_s: float) -> str:
        """Why the drill must end now by its abort rule; empty where it need not. Judged on the seconds of the rule."""
        if not self._seen or self._seen[0][0] > now_s - rule.for_s:
            return ""
        total, bad, _ = self._since(now_s - rule.for_s)
        if total >= WINDOW_REQUESTS and bad > rule.share * total:
            return f"aborted: {bad / total:.0%} of the requests failed for {rule.for_s:g} s ({rule})"
        return ""

    def _since(self, since_s: float) -> tuple[int, int, int]:
        if not self._seen:
            return 0, 0, 0
        before = (0.0, 0, 0, 0)
        for entry in self._seen:
            if entry[0] > since_s:
                break
            before = entry
        last = self._seen[-1]
        return last[1] - before[1], last[2] - before[2], last[3] - before[3]
