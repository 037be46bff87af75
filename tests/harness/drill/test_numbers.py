from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.drill import numbers_of
from harness.drill.effect import has_effect
from tests.harness.drill.planted import World, drill, seen


@pytest.mark.parametrize("attempts", [1, 3])
def test_amplification_counts_calls_a_request_against_the_baseline(attempts: int) -> None:
    found = numbers_of(drill(), seen(World(delay_s=60, attempts=attempts, noise=0), 3))
    assert found.amplification == pytest.approx(attempts, rel=0.1)


def test_lost_requests_and_burned_budget() -> None:
    data = seen(World(delay_s=10, fails_until_degraded=1.0), 3)
    found = numbers_of(drill(), data)
    assert found.lost == int((~data.success).sum())
    assert found.budget_burned == pytest.approx(found.lost / (0.01 * (data.due_s >= 5).sum()))
    assert found.hold.value == 1
    assert found.under_fault.value < 0.9


def test_a_calm_run_overshoots_little() -> None:
    assert numbers_of(drill(), seen(World(), 3)).overshoot < 1.6


def test_a_baseline_out_of_its_steady_state_is_named() -> None:
    assert numbers_of(drill(), seen(World(), 3)).steady.broken == ""
    assert "errors" in numbers_of(drill(), seen(World(noise=0.1), 3)).steady.broken
    slow = drill(steady_state={"for": "20s", "ttft": "100ms"})
    assert "median ttft" in numbers_of(slow, seen(World(), 3)).steady.broken


def test_a_fault_without_effect_is_seen() -> None:
    """lies.md, row 50: the injector says yes and does nothing."""
    for seed in range(20):
        assert not has_effect(seen(World(effect=False, delay_s=1e9, back_s=-1e9, noise=0.01), seed), "llm/primary")
        assert has_effect(seen(World(), seed), "llm/primary")


def test_a_fault_that_only_shows_in_what_the_others_are_asked_is_seen() -> None:
    """A database that answers 200 and finds nothing, in an app that does not say so: the prompts are shorter."""
    for seed in range(20):
        calm = seen(World(effect=False, delay_s=1e9, back_s=-1e9, noise=0.01), seed)
        under = calm.calls.started_s >= calm.inject_s
        lengths = np.random.default_rng(seed).lognormal(np.log(400), 0.2, under.size)
        for tokens_in, shows in ((lengths, False), (np.where(under, lengths - 150, lengths), True)):
            asked = replace(calm, calls=replace(calm.calls, tokens_in=tokens_in))
            assert has_effect(asked, "vector") is shows
        only_itself = replace(asked.calls, tokens_in=np.where(asked.calls.on("llm/primary"), tokens_in, 0))
        assert not has_effect(replace(asked, calls=only_itself), "llm/primary"), "its own callers ask what they ask"
