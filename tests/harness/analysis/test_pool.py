import numpy as np
import pytest

from harness.analysis import State, Verdict, Word
from harness.analysis.pool import pool
from harness.results import Outcome
from tests.harness.analysis.worlds import SMOKE, lognormal, run


def verdict(seed: int, bad_share: float, slo: str = "errors < 3%") -> Verdict:
    world = run(seed=seed)
    rng = np.random.default_rng(seed)
    mask = (world.array["phase"] == 1) & (rng.random(len(world.array)) < bad_share)
    return world.fail(mask, Outcome.SERVER_ERROR).judged("e2e p90 <= 4s", slo)


def test_three_runs_decide_what_one_cannot() -> None:
    """1.6 % of errors against 3 % allowed: one run of 900 stays open, three of them are enough."""
    runs = [verdict(seed, 0.016) for seed in (1, 2, 3, 4)]
    assert Word.INCONCLUSIVE in {v.word for v in runs}
    pooled = pool(runs, SMOKE)
    assert pooled.word is Word.PASS
    assert pooled.checks[1].n == sum(v.checks[1].n for v in runs)
    assert pooled.checks[1].n_effective < pooled.checks[1].n


def test_runs_that_disagree_are_invalid() -> None:
    pooled = pool([verdict(1, 0.0), verdict(2, 0.0), verdict(3, 0.02)], SMOKE)
    assert pooled.word is Word.INVALID
    assert "disagree" in pooled.reasons[0]


def test_a_failing_system_fails_and_a_spoiled_run_spoils() -> None:
    assert pool([verdict(k, 0.09) for k in (1, 2, 3)], SMOKE).word is Word.FAIL
    slow = [run(seed=k, latency=lognormal(6)).judged("e2e p95 <= 4s") for k in (1, 2, 3)]
    assert pool(slow, SMOKE).checks[0].state is State.MISSED
    broken = run().change(telemetry=None).judged("e2e p90 <= 4s", "errors < 3%")
    assert pool([verdict(1, 0), verdict(2, 0), broken], SMOKE).word is Word.INVALID


def test_two_runs_or_different_slos_are_no_pool() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        pool([verdict(1, 0), verdict(2, 0)], SMOKE)
    with pytest.raises(ValueError, match="different SLOs"):
        pool([verdict(1, 0), verdict(2, 0), verdict(3, 0, "errors < 4%")], SMOKE)
