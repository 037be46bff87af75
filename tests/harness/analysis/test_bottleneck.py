from dataclasses import replace

import pytest

from harness.analysis.bottleneck import confirmed
from tests.harness.analysis.test_failures import slow_after, with_calls
from tests.harness.analysis.worlds import lognormal, run


def test_a_dependency_that_refuses_is_the_first_suspect() -> None:
    verdict = with_calls(slow_after(run(judged_s=60), 30), 25).judged("e2e p95 <= 4s")
    suspect = verdict.bottleneck[0]
    assert suspect.name == "llm/primary"
    assert suspect.status == "SUSPECTED"
    assert any("limit hit" in said for said in suspect.evidence)
    assert any("extra time of bad requests" in said for said in suspect.evidence)
    assert suspect.advice == "raise its tokens-per-minute quota 60000"
    assert "vector" not in {b.name for b in verdict.bottleneck}


def test_the_target_is_suspected_where_nothing_else_explains_it() -> None:
    assert [b.name for b in run(latency=lognormal(6.0)).judged("e2e p95 <= 4s").bottleneck] == ["target"]


def test_the_harness_is_always_a_candidate() -> None:
    world = run()
    world.evidence.telemetry["loop_lag_s_p99"][:] = 0.5
    assert world.judged().bottleneck[0].name == "harness"


def test_a_healthy_run_has_no_suspect() -> None:
    assert with_calls(run(), 1e9).judged().bottleneck == ()


@pytest.mark.parametrize(("relieved", "status"), [(58.0, "CONFIRMED"), (52.0, "SUSPECTED")])
def test_only_relief_confirms(relieved: float, status: str) -> None:
    suspect = run(latency=lognormal(6.0)).judged("e2e p95 <= 4s").bottleneck[0]
    assert confirmed(suspect, 50.0, relieved).status == status
    assert confirmed(replace(suspect, evidence=()), 50.0, relieved).evidence[0].startswith("relief run")
