from dataclasses import replace
from typing import Any

import pytest

from harness.analysis import Caveat
from harness.drill import Conduct, Kept, Numbers, Word, judge_drill, numbers_of
from harness.errors import ExitCode
from tests.harness.drill.planted import World, drill, seen

DRILL = drill()
GOOD = numbers_of(DRILL, seen(World(), 1))
INF = float("inf")


def judged(numbers: Numbers | None = GOOD, **conduct: Any) -> Any:
    return judge_drill(DRILL, numbers, (), Conduct(**conduct))


def test_all_expectations_met_is_held() -> None:
    verdict = judged()
    assert verdict.word is Word.HELD and verdict.exit_code == ExitCode.PASS
    assert {e.kept for e in verdict.expectations} == {Kept.HELD}


BROKEN = (Caveat("send_lag", "broken", "p99 9 s", ""),)


@pytest.mark.parametrize(
    ("conduct", "word", "code", "why"),
    [
        ({"not_injected": "errors 9%"}, Word.NOT_RUN, 3, "errors 9%"),
        ({"stopped": "stopped by SIGINT"}, Word.INVALID, 5, "SIGINT"),
        ({"broken": BROKEN}, Word.INVALID, 5, "send_lag"),
        ({"fault_trouble": "the lease was lost"}, Word.INVALID, 5, "lease"),
        ({"aborted": "aborted: 60% failed"}, Word.DID_NOT_HOLD, 98, "aborted"),
        ({"rollback_confirmed": False}, Word.INVALID, 97, "rollback"),
        ({"aborted": "aborted", "rollback_confirmed": False}, Word.INVALID, 97, "rollback"),
        ({"aborted": "aborted", "broken": BROKEN}, Word.INVALID, 5, "send_lag"),
        ({"not_injected": "unsteady", "rollback_confirmed": False}, Word.NOT_RUN, 97, "unsteady"),
    ],
)
def test_what_stands_against_held(conduct: dict[str, Any], word: Word, code: int, why: str) -> None:
    verdict = judged(**conduct)
    assert (verdict.word, int(verdict.exit_code)) == (word, code) and why in verdict.why


@pytest.mark.parametrize(
    ("changes", "word", "why"),
    [
        ({"time_to_degraded_s": 11.0}, Word.DID_NOT_HOLD, "degraded mode begins: 11.0 s"),
        ({"time_to_degraded_s": INF}, Word.DID_NOT_HOLD, "never"),
        ({"amplification": 2.5}, Word.DID_NOT_HOLD, "amplification"),
        ({"amplification": float("nan")}, Word.INVALID, "could not be measured"),
        ({"time_to_recover_s": INF, "observed_after_s": 60.0}, Word.DID_NOT_HOLD, "recovered: never"),
        ({"time_to_recover_s": INF, "observed_after_s": 3.0}, Word.INVALID, "raise load.hint"),
        ({"effects": (("llm/primary", False),)}, Word.INVALID, "changed nothing"),
        ({"steady": replace(GOOD.steady, broken="errors 9%")}, Word.NOT_RUN, "steady state"),
    ],
)
def test_numbers_that_miss(changes: dict[str, Any], word: Word, why: str) -> None:
    verdict = judged(replace(GOOD, **changes))
    assert verdict.word is word and why in verdict.why


def test_nothing_measured_is_never_good() -> None:
    assert judged(None).word is Word.INVALID and judged(None).expectations == ()


def test_a_metastable_failure_is_named() -> None:
    """Five minutes after the revert at unchanged load the app is still degraded: planted on rows."""
    slow = drill(metastable="300s")
    world = World(back_s=INF, after_s=320.0, rate_per_s=5.0)
    numbers = numbers_of(slow, seen(world, 1))
    assert numbers.metastable and numbers.time_to_recover_s == INF
    verdict = judge_drill(slow, numbers, (), Conduct())
    (recovery,) = [e for e in verdict.expectations if e.name == "recovered"]
    assert verdict.word is Word.DID_NOT_HOLD and "metastable" in recovery.note
    healthy = numbers_of(slow, seen(replace(world, back_s=1.0), 1))
    assert not healthy.metastable and healthy.time_to_recover_s < 15


@pytest.mark.parametrize(("signals", "word"), [(["canary == x"], Word.INVALID), (["canary == x", "model == y"], None)])
def test_level_5_that_cannot_speak_is_no_finding(signals: list[str], word: Word | None) -> None:
    resting = drill(expect={"degraded": {"within": "10s", "signal": signals}})
    numbers = numbers_of(resting, seen(World(), 1))
    assert not numbers.canary_seen
    verdict = judge_drill(resting, numbers, (), Conduct())
    assert verdict.word is (word or Word.DID_NOT_HOLD)
