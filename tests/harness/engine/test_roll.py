from __future__ import annotations

from dataclasses import replace

import pytest

from harness.engine.roll import Roll
from harness.engine.tick import Tick
from harness.results import Outcome


def tick(finished: int, planned: int = 10, fired: int | None = None, done: bool = False) -> Tick:
    outcomes = [0] * len(Outcome)
    outcomes[Outcome.OK] = finished
    return Tick(planned, finished if fired is None else fired, finished, 0, 0, tuple(outcomes), done=done)


def running(*planned: int) -> Roll:
    roll = Roll(planned)
    for number in range(len(planned)):
        assert roll.hello(number, f"w{number}", 0.0) == ""
    roll.begin(0.0)
    return roll


def test_a_healthy_run_ends_with_everyone_done() -> None:
    roll = running(10, 10)
    for now in (1.0, 2.0):
        for k in (0, 1):
            assert roll.heard(k, f"w{k}", tick(int(now) * 3), now) == ""
            assert roll.watch(now) == []
    for k in (0, 1):
        roll.heard(k, f"w{k}", tick(10, done=True), 3.0)
        assert not roll.gone(k, "ended with exit code 0")
    assert roll.all_over
    assert [(fact.state, fact.reported, fact.detail) for fact in roll.facts()] == [("done", 10, "")] * 2
    assert roll.outcomes() == {"ok": 20}


def test_a_killed_worker_is_lost_and_what_it_reported_stays() -> None:
    roll = running(10, 10)
    roll.heard(1, "w1", tick(4), 1.0)
    assert roll.gone(1, "killed by SIGKILL")
    fact = roll.facts()[1]
    assert (fact.state, fact.planned, fact.reported, fact.detail) == ("lost", 10, 4, "killed by SIGKILL")
    assert roll.alive == 1
    assert "refused" in roll.heard(1, "w1", tick(10, done=True), 2.0)
    assert roll.facts()[1].state == "lost"


def test_silence_is_seen_once_and_forgiven_but_not_forgotten() -> None:
    roll = running(10)
    roll.heard(0, "w0", tick(1), 1.0)
    assert roll.watch(3.9) == []
    assert roll.watch(4.1) == [0]
    assert roll.watch(5.0) == []
    assert roll.facts()[0].state == "stalled"
    roll.heard(0, "w0", tick(10, done=True), 6.0)
    assert roll.facts()[0].state == "done"
    assert roll.facts()[0].detail == "silent for 5.0 s in between"


def test_a_takeover_moves_the_plan_and_no_more_than_there_was() -> None:
    roll = running(10, 10)
    assert "not lost" in roll.taken(1, 0, 5)
    roll.gone(1, "killed by SIGKILL")
    assert roll.taken(1, 0, 6) == ""
    assert [entry.planned for entry in roll.entries] == [16, 4]
    assert "more than there are" in roll.taken(1, 0, 5)
    assert "more than there are" in roll.taken(1, 0, -1)
    assert "not lost" in roll.taken(9, 0, 1)
    assert "without numbers" in roll.taken("1", 0, None)
    assert roll.heard(0, "w0", tick(16, planned=16, done=True), 1.0) == ""
    assert sum(fact.planned for fact in roll.facts()) == 20


def test_ghosts_and_doubles_are_refused() -> None:
    roll = running(10)
    assert "nobody started" in roll.hello(1, "ghost", 1.0)
    assert "nobody started" in roll.hello(-1, "ghost", 1.0)
    assert "second worker" in roll.hello(0, "double", 1.0)
    assert "unknown worker" in roll.heard(0, "double", tick(10), 1.0)
    assert "unknown worker" in roll.heard(7, "w0", tick(10), 1.0)
    assert roll.outcomes() == {}


LIES = {
    "more than planned": tick(11),
    "another share": tick(3, planned=1_000_000),
    "sum": replace(tick(3), finished=5),
    "done with work left": tick(9, done=True),
    "done in flight": replace(tick(10, done=True), in_flight=1),
    "counts that fall": tick(1),
    "fired more than planned": tick(5, fired=12),
    "not sent without an outcome": replace(tick(5), not_sent=3),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_is_caught_and_stays_caught(lie: Tick) -> None:
    roll = running(10)
    roll.heard(0, "w0", tick(2), 1.0)
    assert "cannot be believed" in roll.heard(0, "w0", lie, 2.0)
    roll.heard(0, "w0", tick(10, done=True), 3.0)
    assert roll.facts()[0].state == "lying"
    assert roll.all_over


@pytest.mark.parametrize("data", [{}, {"planned": -1}, {"outcomes": [1]}, {"outcomes": "x"}, {"fired": 1.5}])
def test_fields_that_are_no_counts_are_refused(data: dict[str, object]) -> None:
    whole = tick(1).to_json() | data if data else data
    with pytest.raises(ValueError):
        Tick.from_json(whole)


def test_a_tick_survives_its_trip() -> None:
    assert Tick.from_json(tick(3).to_json()) == tick(3)
