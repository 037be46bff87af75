from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import Deployment, Prices
from harness.analysis.provisioning import Range, burst_factor, caution, needs, replicas
from harness.analysis.view import View
from tests.harness.analysis.worlds import lognormal, run


def needed(peak: float = 40, **deployment: object) -> dict[str, Range]:
    view = View.of(run().rows)
    found = needs(view, 20, Range(peak * 0.8, peak, peak * 1.2), Deployment(**deployment), Prices(1.0, 4.0))
    return {need.name: need.amount for need in found}


def test_replicas_by_hand() -> None:
    """4 replicas carried 20/s; a peak of 40/s with a fifth free: 4 x 40 / (20 x .8) = 10."""
    found = needed(replicas=4)
    assert found["replicas"] == Range(8, 10, 12)
    assert found["replicas, one lost"] == Range(9, 11, 13)
    assert found["replicas, one of 3 zones lost"] == Range(12, 15, 18)
    assert "replicas" not in needed()


@given(peak=st.floats(0.1, 1e4), proven=st.floats(0.1, 1e4), headroom=st.floats(0, 0.9), tested=st.integers(1, 100))
def test_the_replicas_carry_the_peak_with_their_headroom(
    peak: float, proven: float, headroom: float, tested: int
) -> None:
    count = replicas(tested, peak, proven, headroom)
    each = proven / tested * (1 - headroom)
    assert count * each >= peak * (1 - 1e-6)
    assert (count - 1) * each < peak * (1 + 1e-6)


def test_pools_quota_kv_and_cost() -> None:
    found = needed()
    assert found["in flight (pools, semaphores)"].mid == pytest.approx(40 * 0.85, rel=0.1)
    assert found["RPM quota"].mid > 40 * 60
    assert found["TPM quota"].mid == pytest.approx(found["RPM quota"].mid * 140)
    assert found["KV cache"].mid == pytest.approx(40 * 0.85 * 120, rel=0.1)
    assert found["cost of 1,000 requests"].mid == pytest.approx(0.26)
    assert found["cost of a peak hour"].mid == pytest.approx(40 * 3600 * 0.26 / 1000)


def test_a_burst_shows_in_the_window_of_the_quota() -> None:
    even = np.arange(0, 100, 0.1)
    assert burst_factor(even, 1.0) == pytest.approx(1, abs=0.12)
    clumped = np.sort(np.concatenate([even, np.full(100, 50.0)]))
    assert burst_factor(clumped, 1.0) > 9
    assert burst_factor(clumped, 10.0) < burst_factor(clumped, 1.0)
    assert burst_factor(np.array([1.0]), 10) == 1


def test_a_peak_far_beyond_the_test_is_a_guess() -> None:
    assert caution(20, Range(10, 20, 30)) == ""
    assert "guesses" in caution(20, Range(10, 20, 31))


def test_only_a_pass_provisions() -> None:
    world = run()
    assert any(line.startswith("in flight") for line in world.judged().provisioning)
    assert run(latency=lognormal(6)).judged().provisioning == ()
    world.change(deployment=replace(world.evidence.deployment, replicas=2), forecast_peak=60)
    lines = world.judged().provisioning
    assert any(line.startswith("replicas:") for line in lines)
    assert "guesses" in lines[-1]
