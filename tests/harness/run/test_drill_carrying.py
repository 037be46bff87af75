import math
from typing import Any

import pytest

from harness.drill import Drill, timeline_of
from harness.engine import Progress
from harness.run.drill_carrying import Course


class Engine:
    """Remembers how it was stopped."""

    def __init__(self) -> None:
        self.start_ns = 0
        self.stops: list[str] = []

    def stop(self, why: str) -> None:
        self.stops.append(why)


class Holder:
    def __init__(self) -> None:
        self.not_injected = self.trouble = ""
        self.stopped = False
        self.granted: list[Any] = []
        self.over: frozenset[str] = frozenset()

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def course() -> Course:
    drill = Drill.model_validate(
        {
            "title": "t",
            "plan": "plan.yaml",
            "load": {"rate": "30/s", "warm": "1s"},
            "faults": [{"on": "llm", "fault": "latency", "for": "20s"}],
            "expect": {"recovered": {"within": "5s"}},
            "abort": "errors > 25% for 2s",
        },
        context={"folder": "."},
    )
    return Course(drill, timeline_of(drill, 30), "7f3k", engine=Engine(), holders=(Holder(),))  # type: ignore[arg-type]


def stops(course: Course) -> list[str]:
    return course.engine.stops  # type: ignore[union-attr, no-any-return]


def test_halting_ends_load_and_faults_and_the_first_reason_stays(course: Course) -> None:
    course.halt("stopped by SIGINT")
    course.halt("stopped by its kill switch")
    assert course.ending() == "stopped by SIGINT" and stops(course)[0] == "stopped by SIGINT"
    assert course.holders[0].stopped  # type: ignore[union-attr]
    assert [event.what for event in course.events] == ["stopped by SIGINT"]


def test_before_there_is_an_engine_a_halt_is_remembered(course: Course) -> None:
    early = Course(course.drill, course.timeline, "7f3k")
    early.halt("stopped by runs/STOP")
    assert early.ending() and early.now_s() == -math.inf
    assert early.status()["phase"] == "preflight" and early.status()["elapsed_s"] is None


def test_the_abort_rule_needs_its_whole_time(course: Course) -> None:
    for second in range(1, 4):
        course.look(Progress("running", elapsed_s=second, outcomes={"server_error": 30 * second}))
    assert course.aborted and stops(course) == [course.aborted]
    assert "100% of the requests failed" in course.aborted


def test_no_abort_below_the_rule(course: Course) -> None:
    for second in range(1, 9):
        course.look(Progress("running", elapsed_s=second, outcomes={"ok": 24 * second, "server_error": 6 * second}))
    assert not course.aborted and not stops(course)


def test_trouble_with_a_fault_ends_the_load(course: Course) -> None:
    course.holders[0].trouble = "the lease was lost"
    course.look(Progress("running", elapsed_s=1))
    assert stops(course) == ["the lease was lost"] and not course.ending()


def test_an_alarm_ends_all_at_once_and_lets_nothing_else_begin(course: Course) -> None:
    course.holders[0].trouble = "the injector failed"
    course.alarm("the injector failed")
    assert stops(course) == ["the injector failed"] and course.holders[0].stopped  # type: ignore[union-attr]
    assert course.veto() == "the injector failed"


def test_a_baseline_out_of_its_steady_state_vetoes_every_fault(course: Course) -> None:
    course.look(Progress("running", elapsed_s=1, outcomes={}))
    course.look(Progress("running", elapsed_s=3, outcomes={"ok": 30, "server_error": 30}))
    assert "errors 50.0%" in course.veto()
    course.look(Progress("running", elapsed_s=4, outcomes={"ok": 100_000, "server_error": 30}))
    assert course.veto(), "the second fault is not injected where the first was not"
