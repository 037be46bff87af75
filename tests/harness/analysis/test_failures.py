from dataclasses import replace

import numpy as np
import pytest

from harness.analysis import Calls, Word
from harness.results import Outcome, Reason
from tests.harness.analysis.worlds import World, run


def with_calls(world: World, throttled_from_s: float) -> World:
    """The provider refuses a third of the calls from a moment on; the app retries its way past the limit later."""
    seq = world.array["seq"].astype(np.int64)
    started = world.array["sent_ns"] * 1e-9 + 0.01
    status = np.where((started > throttled_from_s) & (seq % 3 == 0), 429, 200).astype(np.uint16)
    calls = Calls(
        names=("llm/primary", "vector"),
        name=np.concatenate([np.zeros(len(seq), np.uint8), np.ones(len(seq), np.uint8)]),
        seq=np.concatenate([seq, seq]),
        started_s=np.concatenate([started, started]),
        finished_s=np.concatenate([world.array["finished_ns"] * 1e-9, started + 0.02]),
        status=np.concatenate([status, np.full(len(seq), 200, np.uint16)]),
        limits={"llm/primary": "tokens-per-minute quota 60000"},
    )
    return world.change(calls=calls)


def slow_after(world: World, at_s: float, by_s: float = 6.0) -> World:
    late = (world.array["due_ns"] > at_s * 1e9) & (world.array["seq"] % 3 == 0)
    for name in ("first_token_ns", "last_token_ns", "finished_ns"):
        world.array[name][late] += int(by_s * 1e9)
    return world.metered()


def test_the_first_cause_names_the_dependency_and_the_lead() -> None:
    world = with_calls(slow_after(run(judged_s=200), 70), 30)
    verdict = world.judged("e2e p95 <= 4s")
    assert verdict.word is Word.FAIL
    assert verdict.first_cause.startswith("429s of llm/primary began at 3")
    assert "s before e2e left its limit" in verdict.first_cause
    lead = int(verdict.first_cause.split(", ")[1].split()[0])
    assert lead == pytest.approx(40, abs=2)
    assert verdict.first_cause in verdict.why


def test_nothing_before_it_is_said_too() -> None:
    verdict = slow_after(run(judged_s=60), 30).judged("e2e p95 <= 4s")
    assert "no failure came before it" in verdict.first_cause
    assert run().judged().first_cause == ""


def test_failure_modes_are_counted_and_dated() -> None:
    world = run()
    judged = world.array["phase"] == 1
    world.array["reason"][judged & (world.array["seq"] % 4 == 0)] = Reason.DEADLINE
    world.fail(judged & (world.array["seq"] % 4 == 0), Outcome.TIMEOUT, after_s=9)
    world.fail(judged & (world.array["seq"] % 16 == 1), Outcome.THROTTLED)
    modes = world.judged().failures
    assert sum(mode.count for mode in modes) == int((judged & (world.array["outcome"] != 0)).sum())
    assert sum(mode.share for mode in modes) == pytest.approx(1)
    assert modes[0].outcome == "timeout"
    assert modes[0].reason == "deadline"
    assert {mode.journey for mode in modes} == {"chat", "rag"}
    assert all(10 <= mode.first_s <= mode.last_s <= 55 for mode in modes)
    assert [mode.count for mode in modes] == sorted((mode.count for mode in modes), reverse=True)


def test_the_failing_step_is_named() -> None:
    world = run()
    failing = (world.array["phase"] == 1) & (world.array["seq"] % 3 == 0)
    world.fail(failing, Outcome.SERVER_ERROR)
    steps = np.concatenate([world.array.copy(), world.array.copy()])
    steps["step"] = np.repeat([1, 2], len(world.array))
    steps["outcome"][: len(world.array)] = Outcome.OK
    catalog = replace(world.rows.catalog, steps=("arrival", "search", "answer"))
    world.rows = replace(world.rows, array=np.concatenate([world.array, steps]), catalog=catalog)
    verdict = world.judged("errors < 3%", "server_error < 3% where step=answer", "server_error < 3% where step=search")
    assert {mode.step for mode in verdict.failures} == {"answer"}
    assert [check.state.value for check in verdict.checks] == ["MISSED", "MISSED", "MET"]
