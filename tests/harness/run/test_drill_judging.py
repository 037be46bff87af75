from typing import Any

from harness.analysis import lag_limit_s
from harness.drill import Drill
from harness.run.drill_judging import gated_of


def drill(**expect: Any) -> Drill:
    return Drill.model_validate(
        {
            "title": "t",
            "plan": "plan.yaml",
            "faults": [{"on": "llm", "fault": "latency", "for": "20s"}],
            "expect": {"recovered": {"within": "5s"}, **expect},
        },
        context={"folder": "."},
    )


def test_a_drill_that_promises_no_latency_is_held_to_its_moments() -> None:
    """They are told to the second: half a second of lateness is no reason to believe nothing of it."""
    assert lag_limit_s(gated_of(drill())) == 0.5


def test_a_drill_that_promises_a_latency_is_held_to_that() -> None:
    assert lag_limit_s(gated_of(drill(during=["ttft p95 <= 2s", "errors < 5%"]))) == 0.1
    assert lag_limit_s(gated_of(drill(during=["e2e p95 <= 60s"]))) == 0.5


def test_promises_of_shares_alone_change_nothing() -> None:
    assert lag_limit_s(gated_of(drill(during=["errors < 5%"]))) == 0.5
