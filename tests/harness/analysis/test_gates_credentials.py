from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis import Caveat, Verdict, Word
from harness.results import Outcome
from tests.harness.analysis.worlds import World, run


def refuse(world: World, mask: np.ndarray, status: int = 401) -> World:
    world.fail(mask, Outcome.CLIENT_ERROR)
    world.array["status"][mask] = status
    return world


def everything(world: World) -> np.ndarray:
    return np.ones(len(world.array), dtype=bool)


def said(verdict: Verdict) -> Caveat | None:
    return next((c for c in verdict.caveats if c.kind == "credentials"), None)


@pytest.mark.parametrize("status", [401, 403, 407])
def test_a_target_that_lets_nobody_in_is_not_measured(status: int) -> None:
    world = run().change(secrets=("OPENAI_API_KEY",))
    verdict = refuse(world, everything(world), status).judged()
    assert verdict.word is Word.INVALID and "credentials" in verdict.reasons
    assert f"every answer was {status}" in verdict.why
    assert "is the key in OPENAI_API_KEY right" in verdict.why
    assert verdict.capacity.disproven is None and verdict.bottleneck == ()


def test_a_plan_without_a_key_is_told_how_to_send_one() -> None:
    world = run()
    assert "the plan sends no key" in refuse(world, everything(world)).judged().why
    foreign = replace(world.evidence, own_run=False, secrets=("HIDDEN",))
    world.evidence = foreign
    assert "was the key right" in world.judged().why


def test_one_journey_that_is_never_let_in_is_named() -> None:
    world = run()
    verdict = refuse(world, world.array["journey"] == 1).judged()
    assert verdict.word is Word.INVALID
    assert "every answer of journey rag was 401" in verdict.why


def test_refusals_after_answers_are_the_systems_own_failure() -> None:
    """As where what checks the keys is overrun, or they expire."""
    world = run()
    late = world.array["due_ns"] > 20e9
    verdict = refuse(world, late).judged()
    assert verdict.word is Word.FAIL
    caveat = said(verdict)
    assert caveat is not None and caveat.status == "held" and "others were let in" in caveat.what


def test_other_errors_from_the_first_on_stay_failures() -> None:
    world = run()
    verdict = refuse(world, everything(world), 400).judged()
    assert verdict.word is Word.FAIL and said(verdict) is None
    assert said(run().judged()) is None


def test_requests_without_an_answer_excuse_no_refusal() -> None:
    world = run()
    half = world.array["seq"] % 2 == 0
    world.fail(half, Outcome.TIMEOUT, after_s=9)
    assert refuse(world, ~half).judged().word is Word.INVALID
