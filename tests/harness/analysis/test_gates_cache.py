"""Caches: told by their own mark, and by the time that repeated prompts take. Healthy runs with repeats stay valid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.analysis import Verdict, Word
from harness.results import Outcome
from tests.harness.analysis.worlds import World, run

SLOS = ("e2e p95 <= 8s", "errors < 30%")


def broken(verdict: Verdict) -> set[str]:
    return {c.kind for c in verdict.caveats if c.status == "broken"}


def with_repeats(world: World, prompts: int = 1000) -> np.ndarray:
    """Every prompt past the first thousand was asked before. Returns which rows are repeats."""
    numbers = np.arange(len(world.array), dtype=np.uint32)
    judged = np.sort(world.array["seq"][world.array["phase"] == 1])
    again = judged[len(judged) // 2 :]
    numbers[again] = numbers[judged[: len(again)]]
    world.change(prompt_of=numbers)
    return np.isin(world.array["seq"], again)


def test_repeated_prompts_that_take_as_long_are_no_cache() -> None:
    world = run()
    with_repeats(world)
    verdict = world.judged(*SLOS)
    assert "repeated_prompts" not in broken(verdict)
    assert next(c for c in verdict.caveats if c.kind == "repeated_prompts").status == "held"


def test_repeated_prompts_that_come_back_at_once_are_a_cache() -> None:
    world = run()
    again = with_repeats(world)
    sent = world.array["sent_ns"]
    spent = np.where(again, 50_000_000, 500_000_000) + np.arange(len(sent)) * 1000
    for name, share in (("first_token_ns", 0.5), ("last_token_ns", 1.0), ("finished_ns", 1.0)):
        world.array[name] = sent + (share * spent).astype(np.int64)
    world.metered()
    verdict = world.judged(*SLOS)
    assert verdict.word is Word.INVALID and "repeated_prompts" in broken(verdict)
    world.change(declared_cache_share=0.5)
    assert "repeated_prompts" not in broken(world.judged(*SLOS)), "declared: the marks are what is held against it"


def test_all_prompts_seen_before_is_said() -> None:
    world = run()
    world.change(prompt_of=np.zeros(len(world.array), dtype=np.uint32))
    said = next(c for c in world.judged(*SLOS).caveats if c.kind == "repeated_prompts")
    assert said.status == "noted" and "asked before" in said.what


def marked(world: World, outcome: Outcome) -> World:
    world.rows = replace(world.rows, catalog=replace(world.rows.catalog, served_by=("", "primary", "cache")))
    cached = np.arange(len(world.array)) % 2 == 0
    world.array["served_by"] = np.where(cached, 2, 1)
    world.array["outcome"] = np.where(cached, outcome, world.array["outcome"])
    return world


def test_answers_marked_as_cached_where_none_was_declared() -> None:
    assert "cache_share" in broken(marked(run(), Outcome.OK).judged(*SLOS))


def test_a_degraded_answer_from_a_cache_is_degraded_mode() -> None:
    assert "cache_share" not in broken(marked(run(), Outcome.DEGRADED).judged(*SLOS))
