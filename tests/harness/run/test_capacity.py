from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis import Bottleneck, Caveat, State, Verdict, Word
from harness.analysis.capacity import Stage, Step, Trial, bracket
from harness.engine import Progress
from harness.errors import EvidenceError, UsageError
from harness.report import Report, Run
from harness.run import capacity
from harness.run.capacity import Audience, Effort, begin, go_on, read_search, resume, search_for, trial_from
from harness.run.conductor import Finished
from harness.run.inputs import Inputs, read_inputs
from tests.harness.analysis.worlds import run

PLAN = """
target: tools
journeys: {call: {kind: tool}}
arrivals: {seed: 5, segments: [{phase: peak, hold: 30/s, for: 20s}]}
upstreams: {tools: {mock: tools, rps: 60}}
slo: {slos: ["e2e p95 <= 400ms", "errors < 5%"]}
"""
TRUTH = 52.0
STARTED = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return read_inputs(path, environ={})


@pytest.fixture(scope="module")
def passed() -> Verdict:
    verdict = run(judged_s=120).judged()
    assert verdict.word is Word.PASS
    return verdict


Runner = Callable[..., Finished]


def fake_runs(passed: Verdict, stop_after: int = 1000) -> tuple[Runner, list[float]]:
    """`run_plan` of a target whose capacity is TRUTH; the run after `stop_after` is interrupted."""
    rates: list[float] = []

    def run_plan(inputs: Inputs, root: Path, *, errand: Any, **_: Any) -> Finished:
        rate = float(inputs.load.shape.peak_rate_per_s)
        rates.append(rate)
        word = Word.PASS if rate < TRUTH else Word.FAIL
        stays = Caveat("stability", "held", "")
        verdict = replace(passed, word=word, offered_rate=rate, caveats=(stays,))
        assert errand.folder.path.is_dir()
        return Finished(errand.folder, Report(verdict, Run("r", "t", "again")), len(rates) > stop_after)

    return run_plan, rates


def ignore(*_: Any) -> None:
    pass


AUDIENCE = Audience(ignore, ignore)


def test_a_search_runs_to_its_end_and_keeps_every_step(
    inputs: Inputs, passed: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_plan, rates = fake_runs(passed)
    monkeypatch.setattr(capacity, "run_plan", run_plan)
    searching = begin(inputs, tmp_path / "runs", Effort(relief=False), STARTED, "t")
    assert not go_on(searching, inputs, AUDIENCE)
    proven, disproven = bracket(searching.record)
    assert proven is not None and disproven is not None and proven < TRUTH <= disproven <= 1.15 * proven
    assert searching.record[-1].stage is Stage.SOAK and searching.ended == "the soak passed"
    assert len({name for name, _ in searching.steps}) == len(rates) == len(searching.record)
    again = read_search(searching.folder)
    assert [replace(o, bad_share=0) for o in again.record] == [replace(o, bad_share=0) for o in searching.record]


def test_a_search_that_was_cut_off_goes_on_where_it_stood(
    inputs: Inputs, passed: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, all_rates = fake_runs(passed)
    monkeypatch.setattr(capacity, "run_plan", whole)
    go_on(begin(inputs, tmp_path / "a", Effort(relief=False), STARTED, "t"), inputs, AUDIENCE)

    first, _ = fake_runs(passed, stop_after=3)
    monkeypatch.setattr(capacity, "run_plan", first)
    searching = begin(inputs, tmp_path / "b", Effort(relief=False), STARTED, "t")
    assert go_on(searching, inputs, AUDIENCE), "it was interrupted"
    assert len(read_search(searching.folder).record) == 3, "the interrupted step does not count"

    rest, rest_rates = fake_runs(passed)
    monkeypatch.setattr(capacity, "run_plan", rest)
    assert not go_on(resume(inputs, searching.folder.path), inputs, AUDIENCE)
    assert rest_rates == all_rates[3:]


def test_a_resumed_search_takes_another_budget_and_may_leave_the_relief_out(inputs: Inputs, tmp_path: Path) -> None:
    path = begin(inputs, tmp_path / "runs", Effort(), STARTED, "t").folder.path
    assert (resume(inputs, path).search.budget_s, resume(inputs, path).relief) == (3600.0, True)
    again = resume(inputs, path, Effort(budget_s=900.0, relief=False))
    assert (again.search.budget_s, again.relief) == (900.0, False)


def test_a_changed_plan_is_no_resumed_search(inputs: Inputs, tmp_path: Path) -> None:
    searching = begin(inputs, tmp_path / "runs", Effort(), STARTED, "t")
    other = replace(inputs, plan=inputs.plan.model_copy(update={"deadline_s": 1.0}))
    with pytest.raises(UsageError, match="not the one"):
        resume(other, searching.folder.path)
    searching.path.write_text('{"format": 1}')
    with pytest.raises(EvidenceError, match="whole capacity search"):
        read_search(searching.folder)


def test_steps_load_the_same_mix_at_one_rate_and_never_twice_the_same_arrivals(
    inputs: Inputs, passed: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Inputs] = []
    run_plan, _ = fake_runs(passed)

    def spy(step: Inputs, root: Path, **more: Any) -> Finished:
        seen.append(step)
        return run_plan(step, root, **more)

    monkeypatch.setattr(capacity, "run_plan", spy)
    go_on(begin(inputs, tmp_path / "runs", Effort(relief=False), STARTED, "t"), inputs, AUDIENCE)
    assert len({step.seed for step in seen}) == len(seen)
    for step in seen:
        assert np.ptp(step.load.shape.rates_per_s) == 0 and step.load.mix == inputs.load.mix
        assert step.rules.judge_phases == ("peak",)
    assert [step.rules.smoke for step in seen] == [True] * (len(seen) - 1) + [False], "the soak is release-grade"


def test_a_pass_without_stability_proves_nothing(passed: Verdict) -> None:
    """A queue may have had no time to grow: near the limit a short run looks healthy."""
    step = Step(Stage.PROBE, 20.0, 12.0, 5.0, 0, "")
    held, waived = (replace(passed, caveats=(Caveat("stability", s, ""),)) for s in ("held", "waived"))
    assert trial_from(step, held, aborted=False).word is Word.PASS
    assert trial_from(step, waived, aborted=False).word is Word.INCONCLUSIVE
    assert trial_from(step, replace(passed, caveats=()), aborted=False).word is Word.INCONCLUSIVE


def test_a_stopped_step_fails_only_where_it_is_proven(passed: Verdict) -> None:
    step = Step(Stage.PROBE, 20.0, 12.0, 5.0, 0, "")
    spoiled, failed = replace(passed, word=Word.INVALID), replace(passed, word=Word.FAIL)
    assert trial_from(step, spoiled, aborted=True).word is Word.INCONCLUSIVE
    assert trial_from(step, spoiled, aborted=False).word is Word.INVALID
    assert trial_from(step, failed, aborted=True).failed


def test_a_step_is_stopped_when_half_is_bad_or_it_drowns(inputs: Inputs) -> None:
    stops: list[str] = []
    rule = capacity._abort_rule(inputs, 100.0, stops)
    assert rule(Progress("running", finished=500, outcomes={"ok": 480}, in_flight=40)) == ""
    assert "beyond" in rule(Progress("running", finished=500, outcomes={"ok": 200}, in_flight=40))
    assert "in flight" in rule(Progress("running", finished=500, outcomes={"ok": 500}, in_flight=160))
    assert len(stops) == 2
    assert rule(Progress("draining", finished=500, outcomes={"ok": 200})) == "", "the load has ended already"


def test_a_target_that_lets_nobody_in_ends_the_search(
    inputs: Inputs, passed: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = replace(passed, word=Word.INVALID, reasons=("credentials",), why="every answer was 401")
    step = Step(Stage.PROBE, 20.0, 12.0, 5.0, 0, "")
    assert trial_from(step, refused, aborted=True).word is Word.INVALID, "not undecided: nothing was measured"
    run_plan, rates = fake_runs(refused)

    def refusing(step: Inputs, root: Path, **more: Any) -> Finished:
        finished = run_plan(step, root, **more)
        return replace(finished, report=replace(finished.report, verdict=refused))

    monkeypatch.setattr(capacity, "run_plan", refusing)
    searching = begin(inputs, tmp_path / "runs", Effort(), STARTED, "t")
    assert not go_on(searching, inputs, AUDIENCE)
    assert len(rates) == 1 and read_search(searching.folder).ended == "every answer was 401"


def test_the_search_fits_the_plan_and_the_effort(inputs: Inputs) -> None:
    search, warm_s = search_for(inputs, Effort())
    assert (search.safe_rate, search.highest_rate, search.step_s) == (15.0, 240.0, 120.0)
    assert search.soak_s == inputs.rules.needed_s and warm_s == 15.0
    short, _ = search_for(inputs, Effort(short=True))
    assert short.soak_s == 0 and short.budget_s <= 120 and short.bracket_rates == 0
    with pytest.raises(UsageError, match="--from"):
        search_for(inputs, Effort(start_per_s=50, end_per_s=20))
    with pytest.raises(UsageError, match="holds no step"):
        search_for(inputs, Effort(budget_s=10))


def test_a_relief_run_doubles_the_suspects_limit_above_the_capacity(
    inputs: Inputs, passed: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_plan, _ = fake_runs(passed)
    relieved: list[tuple[str, float]] = []

    def relieve(fleet: Any, name: str) -> str:
        relieved.append((name, 0.0))
        return "rps 120"

    def with_fleet(step: Inputs, root: Path, *, errand: Any, **more: Any) -> Finished:
        finished = run_plan(step, root, errand=errand, **more)
        if errand.prepare is None:
            return finished
        errand.prepare(None)
        better = replace(finished.verdict, word=Word.PASS)
        return replace(finished, report=replace(finished.report, verdict=better))

    suspect = Bottleneck("tools", "SUSPECTED", ("limit hit",))
    monkeypatch.setattr(capacity, "run_plan", with_fleet)
    monkeypatch.setattr(capacity, "relieve", relieve)
    monkeypatch.setattr(capacity, "read_verdict", lambda _: replace(passed, bottleneck=(suspect,)))
    searching = begin(inputs, tmp_path / "runs", Effort(short=True), STARTED, "t")
    go_on(searching, inputs, AUDIENCE)
    assert [name for name, _ in relieved] == ["tools"]
    (found,) = searching.relieved
    before = capacity.capacity_estimate(searching.record)
    assert before is not None and found.trial.passed and found.trial.offered_rate >= 1.15 * before
    assert read_search(searching.folder).relieved[0].to == "rps 120"


def test_the_lowest_rate_that_failed_and_tells_why_is_asked_for_suspects(
    inputs: Inputs, passed: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Near the limit a queue only begins to grow: the step fails, and no request is late enough to say in what."""
    suspect = Bottleneck("tools", "SUSPECTED", ("its places were busy",))
    told = {"0-a": (), "1-b": (suspect,), "2-c": (Bottleneck("target", "SUSPECTED", ()),)}
    monkeypatch.setattr(capacity, "read_verdict", lambda folder: replace(passed, bottleneck=told[folder.run_id]))
    searching = begin(inputs, tmp_path / "runs", Effort(), STARTED, "t")
    words = [(20.0, Word.PASS), (80.0, Word.FAIL), (60.0, Word.FAIL), (50.0, Word.FAIL)]
    searching.record = [Trial(Stage.PROBE, rate, word, 60.0, 0.1, 0.05, rate) for rate, word in words]
    searching.steps = [(name, "") for name in ("-", "2-c", "1-b", "0-a")]
    assert capacity.suspecting(searching) == (2, (suspect,))
    searching.record = searching.record[:1]
    assert capacity.suspecting(searching) is None


def test_no_data_in_a_step_stays_no_news(passed: Verdict) -> None:
    step = Step(Stage.PROBE, 20.0, 12.0, 5.0, 0, "")
    empty = replace(passed, word=Word.INVALID, checks=tuple(replace(c, state=State.NO_DATA) for c in passed.checks))
    trial: Trial = trial_from(step, empty, aborted=False)
    assert trial.word is Word.INVALID and trial.bad_share != trial.bad_share
