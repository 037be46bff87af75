from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mock_services.draws import draw
from mock_services.leases import Lease, LeaseBook, LeaseError


class Bench:
    """A book on a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 100.0
        self.changes: list[Lease[str]] = []
        self.book: LeaseBook[str] = LeaseBook(lambda: self.now, self.changes.append)

    def grant(self, ttl_s: float = 10, max_total_s: float | None = None) -> Lease[str]:
        return self.book.grant("llm", "boom", {"fault": "boom"}, ttl_s=ttl_s, max_total_s=max_total_s, owner="run 1")


def test_without_renewal_it_expires() -> None:
    bench = Bench()
    lease = bench.grant(ttl_s=10)
    bench.now = 109.9
    assert [x.id for x in bench.book.in_force()] == [lease.id]
    bench.now = 110.0
    assert bench.book.in_force() == []
    assert [x.reason for x in bench.book.reverted] == ["expired"]
    assert [c.reason for c in bench.changes] == ["", "expired"]


def test_renewal_starts_the_ttl_anew_but_never_moves_the_end() -> None:
    bench = Bench()
    lease = bench.grant(ttl_s=10, max_total_s=25)
    for now in (108.0, 116.0, 124.0):
        bench.now = now
        assert bench.book.renew(lease.id) is not None
    bench.now = 125.0
    assert bench.book.renew(lease.id) is None
    assert bench.book.reverted[-1].reason == "max_total"


def test_delete_reverts_once() -> None:
    bench = Bench()
    lease = bench.grant()
    ended = bench.book.delete(lease.id)
    assert ended is not None and ended.reason == "deleted"
    assert bench.book.delete(lease.id) is None
    assert bench.book.renew(lease.id) is None
    assert len(bench.changes) == 2


@pytest.mark.parametrize("ttl_s", [0, -1, 60.001, math.inf, math.nan])
def test_a_ttl_is_required_to_be_short(ttl_s: float) -> None:
    with pytest.raises(LeaseError, match="ttl_s"):
        Bench().grant(ttl_s=ttl_s)


@pytest.mark.parametrize("max_total_s", [0, -1, math.inf, math.nan])
def test_the_end_is_required_to_be_finite(max_total_s: float) -> None:
    with pytest.raises(LeaseError, match="max_total_s"):
        Bench().grant(max_total_s=max_total_s)


def test_history_keeps_the_last_hundred() -> None:
    bench = Bench()
    for _ in range(150):
        bench.book.delete(bench.grant().id)
    assert len(bench.book.reverted) == 100
    assert bench.book.reverted[-1].id == "f150"


def test_next_due_is_the_earliest() -> None:
    bench = Bench()
    assert bench.book.next_due_s() == math.inf
    bench.grant(ttl_s=30)
    bench.grant(ttl_s=50, max_total_s=5)
    assert bench.book.next_due_s() == 105.0


class LeaseMachine(RuleBasedStateMachine):
    """Whatever is done in whatever order: no fault outlives its TTL or its end, each is granted and reverted once."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.renewed: dict[str, float] = {}
        self.ends: dict[str, float] = {}

    @rule(ttl_s=st.floats(0.1, 60), total_s=st.floats(0.1, 200))
    def grant(self, ttl_s: float, total_s: float) -> None:
        lease = self.bench.grant(ttl_s, total_s)
        self.renewed[lease.id] = self.bench.now + ttl_s
        self.ends[lease.id] = self.bench.now + total_s

    @rule(seconds=st.floats(0, 90))
    def wait(self, seconds: float) -> None:
        self.bench.now += seconds

    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        if self.renewed:
            name = data.draw(st.sampled_from(sorted(self.renewed)))
            lease = self.bench.book.renew(name)
            if lease is not None:
                assert self.bench.now < min(self.renewed[name], self.ends[name])
                self.renewed[name] = self.bench.now + lease.ttl_s

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.renewed:
            self.bench.book.delete(data.draw(st.sampled_from(sorted(self.renewed))))

    @invariant()
    def nothing_outlives_its_time(self) -> None:
        for lease in self.bench.book.in_force():
            assert self.bench.now < min(self.renewed[lease.id], self.ends[lease.id])

    @invariant()
    def every_change_is_told_once(self) -> None:
        in_force = {x.id for x in self.bench.book.in_force()}
        granted = [c.id for c in self.bench.changes if not c.reason]
        reverted = [c.id for c in self.bench.changes if c.reason]
        assert len(set(granted)) == len(granted) and len(set(reverted)) == len(reverted)
        assert set(granted) == set(reverted) | in_force


LeaseMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestLeaseMachine = LeaseMachine.TestCase


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.text("f0123456789", min_size=1, max_size=6))
def test_draws_are_uniform_enough_and_repeatable(seed: int, lease: str) -> None:
    draws = [draw(seed, lease, i) for i in range(300)]
    assert draws == [draw(seed, lease, i) for i in range(300)]
    assert all(0 <= d < 1 for d in draws)
    assert 0.38 < sum(draws) / 300 < 0.62
