from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import httpx
import pytest

from harness.drill import FaultSpec, Lease
from harness.drill.leases import Ended
from harness.drill.timeline import FaultSpan
from harness.run.drill_faults import FaultHolder
from harness.run.drill_holding import Terms

TTL_S = 3.0


class Injector:
    """Remembers who was granted, renewed and taken back when; fails where it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.told: list[tuple[float, str]] = []
        self.lost_after_s = float("inf")
        self.refuses: str = ""
        self.other = Ended("not ours", "deleted", 99.0)

    def grant(self, fault: FaultSpec, owner: str, ttl_s: float, max_total_s: float) -> Lease:
        if fault.fault == self.refuses:
            raise httpx.ConnectError("gone")
        self.told.append((self.now_s, f"grant {fault.fault} for {max_total_s:g} s"))
        return Lease(f"f-{fault.fault}", fault.on, fault.fault, owner, self.now_s)

    def renew(self, lease: Lease) -> bool:
        self.told.append((self.now_s, f"renew {lease.fault}"))
        return self.now_s < self.lost_after_s

    def revert(self, lease_id: str) -> None:
        self.told.append((self.now_s, f"revert {lease_id.removeprefix('f-')}"))

    def ended(self) -> list[Ended]:
        if self.refuses == "ended":
            raise httpx.ReadTimeout("")
        ours = [Ended(f"f-{what[7:]}", "deleted", at_s) for at_s, what in self.told if what.startswith("revert")]
        return [*ours, self.other]


def span(fault: str, start_s: float, end_s: float) -> FaultSpan:
    return FaultSpan(FaultSpec.model_validate({"on": "llm", "fault": fault}), start_s, end_s)


class Held:
    """A holder that lived through its spans on a clock of its own: half a second a look."""

    def __init__(self, spans: Sequence[FaultSpan], injector: Injector, *, veto: str = "", stop_s: float = 1e9) -> None:
        self.alarms: list[str] = []
        self._injector, self._stop_s = injector, stop_s
        terms = Terms("run 7f3k", TTL_S, self._now_s, lambda: veto, self.alarms.append)
        self.holder = FaultHolder(injector, spans, terms)  # type: ignore[arg-type]
        self.holder.run()

    def _now_s(self) -> float:
        self._injector.now_s += 0.5
        if self._injector.now_s >= self._stop_s:
            self.holder.stop()
        return self._injector.now_s


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.run.drill_faults.TICK_S", 0.0)


def words(injector: Injector) -> list[str]:
    return [what for _, what in injector.told]


def test_a_fault_is_granted_when_due_renewed_in_time_and_taken_back() -> None:
    held = Held([span("error", 2, 6)], injector := Injector())
    assert words(injector)[0] == "grant error for 7 s" and words(injector)[-1] == "revert error"
    (granted_s, _), *renewals, (reverted_s, _) = injector.told
    assert 2 <= granted_s <= 3 and 6 <= reverted_s <= 7
    moments = [granted_s, *(at_s for at_s, _ in renewals), reverted_s]
    assert renewals and all(b - a < TTL_S / 2 for a, b in pairwise(moments))
    assert not (held.alarms or held.holder.trouble or held.holder.not_injected)
    assert held.holder.over == {"f-error"} and held.holder.reverted() == {"f-error": reverted_s}
    assert [e.what for e in held.holder.journal] == [
        "fault error on llm: in force (lease f-error)",
        "fault error on llm: reverted",
    ]


def test_each_fault_has_its_own_time() -> None:
    Held([span("error", 1, 3), span("latency", 2, 5)], injector := Injector())
    assert [w for w in words(injector) if "renew" not in w] == [
        "grant error for 5 s",
        "grant latency for 6 s",
        "revert error",
        "revert latency",
    ]


def test_a_veto_lets_nothing_break() -> None:
    held = Held([span("error", 1, 3)], injector := Injector(), veto="errors 9%")
    assert not injector.told and held.holder.not_injected == "errors 9%" == held.alarms[0]
    assert held.holder.journal[0].what == "no fault was injected: errors 9%"


def test_a_lost_lease_is_told_at_once() -> None:
    injector = Injector()
    injector.lost_after_s = 0.0
    held = Held([span("error", 1, 30)], injector)
    assert words(injector) == ["grant error for 32 s", "renew error"]
    assert held.alarms == [held.holder.trouble] and "the lease of error on llm was lost" in held.holder.trouble


def test_an_injector_that_fails_leaves_nothing_that_was_granted() -> None:
    injector = Injector()
    injector.refuses = "latency"
    held = Held([span("error", 1, 30), span("latency", 3, 9)], injector)
    assert words(injector)[-1] == "revert error" and injector.now_s < 9
    assert held.holder.trouble == "the injector failed: gone" == held.alarms[0]


def test_told_to_stop_it_takes_all_back_now() -> None:
    held = Held([span("error", 1, 30), span("latency", 2, 30)], injector := Injector(), stop_s=6)
    assert words(injector)[-2:] == ["revert error", "revert latency"] and injector.now_s < 9
    assert held.holder.over == {"f-error", "f-latency"} and not held.holder.trouble


def test_when_the_injector_cannot_tell_nothing_is_made_up() -> None:
    held = Held([span("error", 1, 3)], injector := Injector())
    injector.refuses = "ended"
    assert held.holder.reverted() == {}
