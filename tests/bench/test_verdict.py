"""The simulation study of bench/verdict.py in a form of seconds: the verdict's own error rates."""

import numpy as np
import pytest

from bench import verdict as bench
from harness.analysis import parse_slo
from harness.analysis.check import check

RUNS = 40


@pytest.mark.parametrize(
    "system", [s for s in bench.SYSTEMS if s.independent or s.name == "brown-outs"], ids=lambda s: s.name
)
def test_a_system_beyond_its_limit_does_not_pass_and_one_inside_does_not_fail(system: bench.System) -> None:
    words = bench.study(system, 10_000, RUNS, seed=3)
    assert words[1.1][2]["PASS"] == 0
    assert words[1.05][2]["PASS"] <= 1
    assert words[1.0][2]["PASS"] <= 4
    assert words[0.9][2]["FAIL"] == words[0.8][2]["FAIL"] == 0
    assert words[0.8][2]["PASS"] >= 0.9 * RUNS


def test_a_point_threshold_would_have_passed_what_this_does_not() -> None:
    """Near saturation 10,000 requests say little: the methods in use pass a system 10 % beyond its limit, this one
    does not."""
    words = bench.study(bench.SYSTEMS[3], 10_000, 30, seed=4)
    point, independent, ours = words[1.1]
    assert point["PASS"] >= 6
    assert independent["PASS"] >= 4
    assert ours["PASS"] == 0


def test_a_hundred_thousand_near_independent_requests_resolve_five_percent() -> None:
    words = bench.study(bench.SYSTEMS[0], 100_000, 10, seed=5)
    assert words[0.95][2]["PASS"] >= 9
    assert words[1.1][2]["FAIL"] == 10


def test_the_advice_to_run_more_decides() -> None:
    share, undecided = bench.more_is_decisive(25, seed=6)
    assert undecided >= 5
    assert share >= 0.8


@pytest.mark.parametrize("ramp", [False, True])
def test_healthy_short_runs_are_not_spoiled(ramp: bool) -> None:
    assert bench.false_alarms(45.0, ramp, 0.8, 40, seed=7) <= 0.025


def test_the_study_itself_sees_a_careless_check() -> None:
    """Without the design effect the same rows pass: the study can tell a good method from a bad one."""
    rng = np.random.default_rng(8)
    careless = careful = 0
    limit = bench.truth(bench.SYSTEMS[3]) / 1.1
    due, response = bench.SYSTEMS[3].latency(rng, 20, 10_000)
    for k in range(20):
        scene = bench.scene_of(due[k], response[k])
        careless += bench.judged_three_ways(scene, limit)[1] == "PASS"
        careful += check(parse_slo(f"e2e p99 <= {limit * 1e6:.0f}us"), scene, scene.judged).state.value == "MET"
    assert careful == 0 < careless
