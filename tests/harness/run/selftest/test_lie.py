"""What counts as caught: the verdict, its reason, its outcomes; and a lie that was not caught is never called ok."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.run.selftest import Lie
from harness.run.selftest.answers import honest
from harness.run.selftest.lie import Seen, held_against, was_disturbed
from harness.run.selftest.stage import Play, Stage

LIE = Lie("26a", "a stream that ends early", ("FAIL",), ("errors",), ("truncated",))


def seen(word: str = "FAIL", reasons: tuple[str, ...] = ("errors < 5%",), **outcomes: int) -> Seen:
    verdict: dict[str, Any] = {"verdict": word, "reasons": list(reasons), "outcomes": outcomes, "caveats": []}
    return Seen(verdict, 99, Path(), 10.0, Stage(Play(honest)))


def test_caught() -> None:
    assert held_against(LIE, seen(ok=300, truncated=100)) == ""


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (seen("PASS", (), ok=400), "said PASS"),
        (seen("INVALID", ("send_lag",), truncated=100), "said INVALID (send_lag)"),
        (seen("FAIL", ("e2e p95 <= 4s",), truncated=100), "another reason"),
        (seen("FAIL", ("errors < 5%",), ok=400), "no outcome truncated"),
        (Seen({}, 1, Path(), 1.0, Stage(Play(honest))), "said exit 1"),
    ],
)
def test_not_caught(what: Seen, says: str) -> None:
    assert says in held_against(LIE, what)


def test_a_look_has_the_last_word() -> None:
    lie = Lie("1", "x", ("FAIL",), look=lambda _: "the figure is wrong")
    assert held_against(lie, seen()) == "the figure is wrong"


def test_a_busy_machine_shows_nothing_either_way() -> None:
    assert was_disturbed(LIE, seen("INVALID", ("send_lag", "loop_lag")))
    assert not was_disturbed(LIE, seen("INVALID", ("send_lag", "ledger")))
    assert not was_disturbed(LIE, seen("PASS", ()))
    stalled = Lie("7a", "SIGSTOP", ("INVALID",), ("late_sends",))
    assert not was_disturbed(stalled, seen("INVALID", ("late_sends",))), "there it is the very thing that was planted"


def test_a_server_of_ours_that_stood_still_accuses_nobody_and_excuses_no_pass() -> None:
    for word, disturbed in (("FAIL", True), ("INCONCLUSIVE", True), ("PASS", False)):
        one = seen(word, ())
        assert not was_disturbed(LIE, one)
        one.stage.late_s = 2.0
        assert was_disturbed(LIE, one) is disturbed


def test_a_plan_is_json_with_what_the_row_changes() -> None:
    plan = json.loads(Lie("4", "x", ("INVALID",), rate=100, plan={"limits": {"in_flight": 10}}).plan_text("http://h:1"))
    assert plan["target"] == "http://h:1" and plan["limits"] == {"in_flight": 10}
    assert plan["arrivals"]["segments"][0]["hold"] == "100/s"
    assert "journeys" not in json.loads(Lie("6", "x", ("INVALID",), plant="burning").plan_text("http://h:1"))
