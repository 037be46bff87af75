from dataclasses import replace

import numpy as np
import pytest

from harness.analysis import Calls
from harness.analysis.bottleneck import confirmed, is_rising
from tests.harness.analysis.test_failures import slow_after, with_calls
from tests.harness.analysis.worlds import World, lognormal, run


def test_a_dependency_that_refuses_is_the_first_suspect() -> None:
    verdict = with_calls(slow_after(run(judged_s=60), 30), 25).judged("e2e p95 <= 4s")
    suspect = verdict.bottleneck[0]
    assert suspect.name == "llm/primary"
    assert suspect.status == "SUSPECTED"
    assert any("limit hit" in said for said in suspect.evidence)
    assert any("extra time of bad requests" in said for said in suspect.evidence)
    assert suspect.advice == "raise its tokens-per-minute quota 60000"
    assert "vector" not in {b.name for b in verdict.bottleneck}


def test_what_refused_first_comes_before_what_refused_more() -> None:
    """A fallback is overrun because the primary refuses: it refuses more of its calls, and later."""
    world = with_calls(slow_after(run(judged_s=60), 30), 25)
    calls = world.evidence.calls
    assert calls is not None
    overrun = (calls.name == 1) & (calls.started_s > 32)
    world.change(
        calls=replace(calls, names=("llm/primary", "llm/fallback"), status=np.where(overrun, 429, calls.status))
    )
    assert [b.name for b in world.judged("e2e p95 <= 4s").bottleneck[:2]] == ["llm/primary", "llm/fallback"]
    swapped = replace(world.evidence.calls, names=("llm/fallback", "llm/primary"))  # type: ignore[type-var]
    assert [b.name for b in world.change(calls=swapped).judged("e2e p95 <= 4s").bottleneck[0:1]] == ["llm/fallback"]


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


def queue_grows(places: int, from_s: float = 50.0, by: float = 0.1) -> World:
    """One dependency of `places` does all the work, and from a moment on the calls wait in it for ever longer."""
    world = run(rate=20, judged_s=100, warm_s=0.5, latency=lambda _, due: 0.1 + np.clip(due - from_s, 0, None) * by)
    started, finished = world.array["sent_ns"] * 1e-9, world.array["finished_ns"] * 1e-9
    seq = world.array["seq"].astype(np.int64)
    calls = Calls(
        names=("vector",),
        name=np.zeros(len(seq), np.uint8),
        seq=seq,
        started_s=started,
        finished_s=finished,
        status=np.full(len(seq), 200, np.uint16),
        places={"vector": places},
    )
    return world.change(calls=calls)


@pytest.mark.parametrize(("places", "told"), [(4, True), (60, True), (1000, False)])
def test_a_dependency_whose_places_fill_up_says_so(places: int, told: bool) -> None:
    suspects = queue_grows(places).judged("e2e p95 <= 1s").bottleneck
    evidence = next((b.evidence for b in suspects if b.name == "vector"), ())
    assert any(f"its {places} places were" in said for said in evidence) is told, evidence


def test_an_unstable_run_has_a_suspect_before_any_request_is_too_late() -> None:
    verdict = queue_grows(4, from_s=0, by=0.1).judged("e2e p95 <= 60s")
    assert "unstable" in verdict.reasons and not any(check.bad for check in verdict.checks)
    assert verdict.bottleneck[0].name == "vector", verdict.bottleneck


def test_places_that_are_not_known_say_nothing() -> None:
    world = queue_grows(4)
    assert world.evidence.calls is not None
    world.change(calls=replace(world.evidence.calls, places={}))
    assert not any("places" in said for b in world.judged("e2e p95 <= 1s").bottleneck for said in b.evidence)


@pytest.mark.parametrize(
    ("used", "rising"), [((0.5, 0.85), True), ((0.84, 0.85), False), ((0.99, 1.0), True), ((0.3, 0.7), False)]
)
def test_busy_and_rising_or_full_all_along(used: tuple[float, float], rising: bool) -> None:
    assert is_rising(used) is rising


def test_a_generator_whose_cpu_rises_is_a_suspect() -> None:
    world = run(judged_s=60)
    records = world.evidence.telemetry
    mine = records["worker"] == 1
    records["cpu_share"][mine] = np.minimum(np.linspace(0.4, 1.0, int(mine.sum())), 0.84)
    harness = next(b for b in world.judged().bottleneck if b.name == "harness")
    assert any("the CPU of worker 1 rose" in said for said in harness.evidence)
