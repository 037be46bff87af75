import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.capacity import (
    Search,
    Stage,
    Step,
    Trial,
    bracket,
    capacity_of,
    isotonic,
    next_step,
    record_from_json,
    record_to_json,
    should_abort,
    trial_of,
)
from harness.analysis.verdict import Word
from tests.harness.analysis.worlds import lognormal, run

Run = Callable[[Step], Trial]


def system(capacity: float, seed: int = 0, noise: float = 0.0, spoiled: float = 0.0) -> Run:
    """A target whose bad share crosses 5 % at `capacity`; near it a run may stay undecided, never say the wrong
    word."""
    rng = np.random.default_rng(seed)

    def go(step: Step) -> Trial:
        ratio = step.rate / capacity
        share = 1 / (1 + math.exp(-(math.log(0.05 / 0.95) + 8 * (ratio - 1) + noise * rng.standard_normal())))
        word = Word.PASS if ratio < 0.97 else Word.FAIL if ratio > 1.03 else Word.INCONCLUSIVE
        if rng.random() < spoiled:
            word = Word.INVALID
        return Trial(step.stage, step.rate, word, step.duration_s, share, 0.05, step.rate)

    return go


def drive(search: Search, go: Run) -> tuple[list[Trial], Step]:
    record: list[Trial] = []
    for _ in range(100):
        step = next_step(search, record)
        if step.stage is Stage.DONE:
            return record, step
        record.append(go(step))
    raise AssertionError("a search ends")


SEARCH = Search(safe_rate=10, highest_rate=1000, step_s=60, soak_s=600, budget_s=36_000)


def test_a_search_goes_through_its_stages_and_closes_the_bracket() -> None:
    record, last = drive(SEARCH, system(52))
    stages = [o.stage for o in record]
    assert stages == sorted(stages, key=list(Stage).index)
    assert set(stages) >= {Stage.PROBE, Stage.BRACKET, Stage.SOAK}
    assert last.why == "the soak passed"
    found = capacity_of(record, forecast_peak=60)
    assert found.proven < 52 < found.disproven
    assert found.disproven / found.proven <= 1.15
    assert found.proven <= found.estimate <= found.disproven
    assert found.estimate == pytest.approx(52, rel=0.05)


@settings(max_examples=60, deadline=None)
@given(capacity=st.floats(2, 900), seed=st.integers(0, 1000), noise=st.floats(0, 0.3), spoiled=st.floats(0, 0.2))
def test_proven_is_never_above_the_truth_and_the_search_ends_within_its_budget(
    capacity: float, seed: int, noise: float, spoiled: float
) -> None:
    record, _ = drive(SEARCH, system(capacity, seed, noise, spoiled))
    found = capacity_of(record)
    assert found.proven is None or found.proven <= capacity
    assert found.disproven is None or found.disproven >= capacity
    assert sum(o.duration_s + SEARCH.drain_s for o in record) <= SEARCH.budget_s
    assert all(o.rate <= SEARCH.highest_rate for o in record)


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, 20), seed=st.integers(0, 99))
def test_a_search_resumes_from_its_record(cut: int, seed: int) -> None:
    go = system(52)
    record, _ = drive(SEARCH, go)
    kept = list(record_from_json(json.loads(json.dumps(record_to_json(record[:cut])))))
    while (step := next_step(SEARCH, kept)).stage is not Stage.DONE:
        kept.append(go(step))
    assert kept == record


def test_rates_over_the_bracket_come_in_random_order_by_seed() -> None:
    def rates(seed: int) -> list[float]:
        search = Search(10, 1000, 60, 600, 36_000, seed=seed)
        return [o.rate for o in drive(search, system(52))[0] if o.stage is Stage.BRACKET]

    assert rates(1) != sorted(rates(1)) or rates(2) != sorted(rates(2))
    assert sorted(rates(1)) == sorted(rates(2))
    assert rates(1) == rates(1)


def test_a_budget_that_ends_leaves_an_honest_bracket() -> None:
    record, last = drive(Search(10, 1000, 60, 600, 400), system(52))
    assert last.why == "the budget is spent"
    assert capacity_of(record).proven is not None


def test_a_target_that_fails_at_the_safe_rate_is_tried_lower_and_then_given_up() -> None:
    record, _ = drive(SEARCH, system(4))
    assert capacity_of(record).proven < 4
    _, last = drive(SEARCH, system(0.1))
    assert "however low" in last.why


def test_spoiled_runs_are_repeated_and_many_end_the_search() -> None:
    spoil = iter([Word.INVALID, Word.PASS, Word.INVALID, Word.INVALID])
    seen = []

    def go(step: Step) -> Trial:
        seen.append(step.rate)
        return Trial(step.stage, step.rate, next(spoil), 60, 0.0, 0.05, step.rate)

    _, last = drive(SEARCH, go)
    assert seen == [10, 10, 15, 15]
    assert "spoiled" in last.why


def test_a_pass_above_a_fail_proves_nothing() -> None:
    """The first falsehood of knee finding: a lucky run above a failure."""
    made = [Trial(Stage.PROBE, r, w, 60, 0.1, 0.05, r) for r, w in ((10, Word.PASS), (20, Word.FAIL), (30, Word.PASS))]
    assert bracket(made) == (10, 20)


def test_a_failed_soak_lowers_what_is_proven() -> None:
    go = system(52)

    def tired(step: Step) -> Trial:
        trial = go(step)
        if step.stage is Stage.SOAK and step.rate > 45:
            return Trial(step.stage, step.rate, Word.FAIL, step.duration_s, 0.2, 0.05, step.rate)
        return trial

    record, last = drive(SEARCH, tired)
    assert capacity_of(record).proven < 45
    assert last.why == "the soak passed"


def test_the_abort_rule() -> None:
    assert should_abort(50, 50, 0.05, 1, 1000) == ""
    assert "beyond" in should_abort(200, 150, 0.05, 1, 1000)
    assert should_abort(200, 20, 0.05, 1, 1000) == ""
    assert "in flight" in should_abort(0, 0, 0.05, 950, 1000)


def test_a_verdict_becomes_an_outcome() -> None:
    step = next_step(SEARCH, [])
    passed, failed = trial_of(step, run().judged()), trial_of(step, run(latency=lognormal(6)).judged())
    assert passed.passed
    assert failed.failed
    assert failed.bad_share > failed.allowed_share > 0


@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 10)), min_size=1, max_size=30))
def test_isotonic_regression_never_falls_and_keeps_the_weighted_mean(pairs: list[tuple[float, float]]) -> None:
    values, weights = np.array(pairs).T
    fitted = isotonic(values, weights)
    assert np.all(np.diff(fitted) >= -1e-12)
    assert (fitted * weights).sum() == pytest.approx((values * weights).sum(), abs=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"safe_rate": 0}, {"safe_rate": 2000}, {"factor": 1}, {"bracket_rates": 3}, {"step_s": 0}]
)
def test_a_search_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Search(**{"safe_rate": 10, "highest_rate": 1000, "step_s": 60, "soak_s": 600, "budget_s": 36_000, **wrong})


def test_a_record_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a step"):
        record_from_json([{"rate": 3}])


@pytest.mark.parametrize(("bad_share", "again"), [(0.0, False), (0.004, False), (0.03, True), (float("nan"), True)])
def test_a_step_that_was_only_too_short_is_not_run_again(bad_share: float, again: bool) -> None:
    search = Search(safe_rate=10, highest_rate=100, step_s=30, soak_s=0, budget_s=3600, drain_s=5)
    undecided = Trial(Stage.PROBE, 10.0, Word.INCONCLUSIVE, 30.0, bad_share, 0.05, 10.0)
    assert (next_step(search, [undecided]).rate == 10.0) is again
