from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import Rules
from harness.analysis.looks import MOST_LOOKS, plan_looks
from harness.results import Outcome
from tests.harness.analysis.worlds import lognormal, run


def test_looks_lie_at_doublings_up_to_the_limit() -> None:
    assert plan_looks(Rules()).at_s == (600, 1200, 2400)
    assert plan_looks(Rules(extend_up_to_s=4000)).at_s == (600, 1200, 2400, 4000)
    assert plan_looks(Rules(extend_up_to_s=0)).at_s == (600,)
    assert plan_looks(Rules(), first_s=10).at_s == (10, 20, 40, 80, 160, 320)


@given(first=st.floats(1, 1000), extend=st.floats(0, 1e5))
def test_a_plan_of_looks_is_one_the_rules_allow(first: float, extend: float) -> None:
    looks = plan_looks(Rules(extend_up_to_s=extend), first)
    assert 1 <= len(looks.at_s) <= MOST_LOOKS
    assert list(looks.at_s) == sorted(set(looks.at_s))
    assert looks.rules(Rules()).looks == len(looks.at_s)


def test_only_an_undecided_run_goes_on_and_as_far_as_it_needs() -> None:
    looks = plan_looks(Rules(extend_up_to_s=400), first_s=45)
    assert looks.next_s(45, run().judged()) is None
    assert looks.next_s(45, run(latency=lognormal(6)).judged()) is None
    assert looks.next_s(45, run().change(telemetry=None).judged()) is None
    world = run()
    judged = np.flatnonzero(world.array["phase"] == 1)
    mask = np.zeros(len(world.array), dtype=bool)
    mask[judged[::45]] = True
    open_verdict = world.fail(mask, Outcome.SERVER_ERROR).judged("errors < 3%")
    assert open_verdict.word.value == "INCONCLUSIVE"
    following = looks.next_s(45, open_verdict)
    assert following in looks.at_s
    assert following >= 45 + 60 * open_verdict.checks[0].more_minutes or following == looks.at_s[-1]
    assert looks.next_s(looks.at_s[-1], open_verdict) is None


def test_six_looks_do_not_buy_a_false_pass() -> None:
    """Peeking at every doubling at a system exactly at its limit: with a / K at each look the false PASS stays rare."""
    from bench.verdict import scene_of
    from harness.analysis import State, parse_slo
    from harness.analysis.check import check

    rng = np.random.default_rng(5)
    slo, wrong = parse_slo("e2e p95 <= 1s"), {1: 0, 6: 0}
    for _ in range(40):
        response = np.where(rng.random(6400) < 0.05, 2.0, 0.5)
        whole = scene_of(np.arange(6400) / 100, response)
        for looks in wrong:
            scene = replace(whole, rules=Rules(smoke=True, looks=looks))
            for n in (200, 400, 800, 1600, 3200, 6400):
                if check(slo, scene, scene.judged.where(np.arange(6400) < n)).state is State.MET:
                    wrong[looks] += 1
                    break
    assert wrong[6] <= 1
    assert wrong[1] == pytest.approx(wrong[6], abs=8)
