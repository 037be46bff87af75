from __future__ import annotations

from pathlib import Path

import pytest

from harness import config
from harness.engine import Progress
from harness.errors import UsageError
from harness.guard import stop_reason
from harness.run.conductor import check_secrets, used
from harness.run.planning import Load, plan_load

PLAN = """
target: http://127.0.0.1:9
journeys: {chat: {model: m}}
arrivals: {segments: [{phase: peak, hold: 50/s, for: 40s}]}
prompts: {sizes: {in: 100, out: 10}}
prices: {input: 10 USD, output: 100 USD}
limits: {cost: 1 USD, duration: 30s}
slo: {slos: ["errors < 1%"]}
"""


@pytest.fixture
def planned(tmp_path: Path) -> tuple[config.Plan, Load]:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    plan = config.load_plan(path, environ={})
    return plan, plan_load(plan, None, None, {}, seed=1)


def test_a_run_stops_where_its_money_is_spent(planned: tuple[config.Plan, Load]) -> None:
    plan, load = planned
    few, many = (used(Progress("running", elapsed_s=1.0, fired=fired), load) for fired in (400, 600))
    assert (few.tokens_in, few.tokens_out) == (40_000, 4_000)
    assert stop_reason(few, plan.limits, plan.prices) == ""
    assert "USD" in stop_reason(many, plan.limits, plan.prices)


def test_a_run_stops_where_its_time_is_over_and_a_drain_is_no_load(planned: tuple[config.Plan, Load]) -> None:
    plan, load = planned
    assert "30 s" in stop_reason(used(Progress("running", elapsed_s=31.0), load), plan.limits)
    assert stop_reason(used(Progress("draining", elapsed_s=45.0), load), plan.limits) == ""
    assert stop_reason(used(Progress("running", elapsed_s=-1.0), load), plan.limits) == ""


def test_every_secret_that_is_missing_is_named_at_once_and_its_value_never(planned: tuple[config.Plan, Load]) -> None:
    headers = {"Authorization": "Bearer ${env:ONE_KEY}", "x-key": "${env:OTHER_KEY}"}
    plan = planned[0].model_copy(update={"headers": headers})
    with pytest.raises(UsageError) as caught:
        check_secrets(plan, {"OTHER_KEY": ""})
    assert str(caught.value) == (
        "the secret ONE_KEY is not set (export ONE_KEY=...)\nthe secret OTHER_KEY is not set (export OTHER_KEY=...)"
    )
    check_secrets(plan, {"ONE_KEY": "a", "OTHER_KEY": "b"})
