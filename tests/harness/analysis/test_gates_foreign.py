from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.analysis import Caveat, Evidence, Rules, Verdict, judge, parse_slo
from harness.results import RESULT_DTYPE, Catalog, Rows
from tests.harness.analysis.worlds import poisson

RULES = Rules(judge_phases=("all",), min_duration_s=60, longest_cycle_s=3)


def rows(due_s: np.ndarray, spent_s: np.ndarray, tick_s: float = 1e-6) -> Rows:
    """Rows of a tool whose clock has `tick_s`, without a plan."""
    array = np.zeros(len(due_s), RESULT_DTYPE)
    tick = round(tick_s * 1e9)
    array["due_ns"] = np.rint(due_s / tick_s).astype(np.int64) * tick
    array["sent_ns"] = array["due_ns"]
    array["finished_ns"] = array["due_ns"] + np.rint(spent_s / tick_s).astype(np.int64) * tick
    array["first_token_ns"] = array["last_token_ns"] = -1
    array["seq"] = np.arange(len(due_s))
    array["status"] = 200
    return Rows(array, Catalog(("call",), ("all",)))


def judged(found: Rows, rules: Rules = RULES) -> Verdict:
    slos = [parse_slo("e2e p95 <= 1s"), parse_slo("errors < 1%")]
    return judge(found, slos, rules, Evidence(own_run=False))


def caveat(verdict: Verdict, kind: str) -> Caveat:
    return next(c for c in verdict.caveats if c.kind == kind)


def flow(seed: int = 1, rate: float = 30.0, seconds: float = 90.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    due = poisson(rng, rate, 0, seconds)
    return due, 0.1 * np.exp(0.4 * rng.standard_normal(len(due)))


def twice(found: Rows, some: slice = slice(None)) -> Rows:
    again = found.array[some].copy()
    again["seq"] += len(found.array)
    return replace(found, array=np.concatenate([found.array, again]))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    tick_s=st.sampled_from((1e-6, 1e-3, 1e-2)),
    rate=st.sampled_from((5.0, 30.0, 200.0)),
    constant=st.booleans(),
)
def test_doubled_rows_are_told_from_twins_that_a_coarse_clock_makes(
    seed: int, tick_s: float, rate: float, constant: bool
) -> None:
    assume(not constant or rate * tick_s < 0.2)  # all alike, and many a tick: nobody can tell
    due, spent = flow(seed, rate, 60.0)
    found = rows(due, np.full_like(spent, 0.1) if constant else spent, tick_s)
    assert caveat(judged(found), "doubled").status == "held"
    assert caveat(judged(twice(found)), "doubled").status == "broken"


def test_a_handful_of_doubled_rows_is_found_too() -> None:
    found = rows(*flow(), tick_s=1e-3)
    verdict = judged(twice(found, slice(100, 140)))
    assert verdict.word.value == "INVALID" and verdict.reasons == ("doubled",)


def test_healthy_rows_of_another_tool_can_pass() -> None:
    verdict = judged(rows(*flow()))
    assert verdict.word.value == "PASS"
    assert caveat(verdict, "silence").status == "held"


@pytest.mark.parametrize("smoke", [False, True])
def test_a_long_silence_is_at_best_inconclusive(smoke: bool) -> None:
    due, spent = flow(seconds=120.0)
    there = (due < 40) | (due > 70)
    verdict = judged(rows(due[there], spent[there]), replace(RULES, smoke=smoke))
    assert verdict.word.value == "INCONCLUSIVE" and "COVERAGE" in verdict.reasons
    told = caveat(verdict, "silence")
    assert told.status == "noted" and "30 s from 40 s on" in told.what and told.what in verdict.why
    assert told.at_s == pytest.approx(40, abs=1)


def test_two_silences_beside_each_other_do_not_hide_each_other() -> None:
    due, spent = flow(seconds=120.0)
    there = (due < 40) | ((due > 60) & (due < 60.2)) | (due > 80)
    assert "2 such silences" in caveat(judged(rows(due[there], spent[there])), "silence").what


@given(seed=st.integers(0, 10_000), rate=st.sampled_from((0.2, 1.0, 20.0)))
@settings(max_examples=25, deadline=None)
def test_chance_makes_no_silence(seed: int, rate: float) -> None:
    """Neither at a low rate, nor on a ramp from next to nothing."""
    rng = np.random.default_rng(seed)
    due = poisson(rng, rate, 0, 600.0)
    for moments in (due, np.sqrt(due / 600.0) * 600.0):
        verdict = judged(rows(moments, np.full(len(moments), 0.1) + 0.01 * rng.random(len(moments))))
        assert caveat(verdict, "silence").status == "held", caveat(verdict, "silence")


def test_where_there_is_a_plan_the_ledger_knows_better() -> None:
    from tests.harness.analysis.worlds import run

    kinds = {c.kind for c in run().judged().caveats}
    assert "ledger" in kinds and not kinds & {"doubled", "silence"}
