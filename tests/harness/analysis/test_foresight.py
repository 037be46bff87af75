from __future__ import annotations

import pytest

from harness.analysis import State, parse_slo
from harness.analysis.check import share_state
from harness.analysis.foresight import SHORTEST_STABLE_S, shortfalls
from harness.analysis.rules import Confidence, Rules
from harness.analysis.scene import set_scene
from harness.analysis.steady import drift, warm_up
from tests.harness.analysis.worlds import run

RULES = Rules(smoke=True)
MIX = {"ask": 0.9, "search": 0.1}


@pytest.mark.parametrize(
    "text", ["e2e p90 <= 1s", "e2e p95 <= 1s", "ttft p99 <= 2s", "errors < 0.5%", "goodput >= 99.9%"]
)
@pytest.mark.parametrize("rules", [RULES, Rules(looks=5), Rules(confidence=Confidence(0.9, 0.99))])
def test_the_fewest_requests_are_those_of_the_verdict(text: str, rules: Rules) -> None:
    slo = parse_slo(text)
    (short,) = shortfalls([slo], rules, 10, {})
    assert share_state(0.0, short.fewest, 1.0, slo.allowed_share, rules)[0] is State.MET
    assert share_state(0.0, short.fewest - 1, 1.0, slo.allowed_share, rules)[0] is not State.MET
    assert shortfalls([slo], rules, short.fewest, {}) == ()


def test_a_scope_gets_its_share_of_the_requests() -> None:
    texts = ("errors < 3%", "e2e p95 <= 1s where journey=search", "warn e2e p99.9 <= 1s", "tokens/s >= 5")
    short = shortfalls([parse_slo(text) for text in texts], RULES, 400, MIX)
    assert [(s.slo, s.requests) for s in short] == [("e2e p95 <= 1s where journey=search", 40)]
    assert "needs 107 requests" in str(short[0]) and "gets 40" in str(short[0])


@pytest.mark.parametrize(("judged_s", "tested"), [(SHORTEST_STABLE_S - 0.5, False), (SHORTEST_STABLE_S + 0.5, True)])
def test_the_shortest_stretch_is_the_one_that_is_tested_for_growth(judged_s: float, tested: bool) -> None:
    world = run(judged_s=judged_s)
    scene = set_scene(world.rows, RULES, world.evidence)
    assert (drift(scene, warm_up(scene, scene.segments[-1], 10.0), 0.01) is not None) is tested
