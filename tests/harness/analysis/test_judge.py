"""From rows to the word: what must fail, what must not pass, what stays open. Row numbers are those of the lie
detector."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import Evidence, Rules, State, Word, judge, parse_slo
from harness.analysis.judge import examine
from harness.analysis.scene import set_scene
from harness.results import NEVER, RESULT_DTYPE, Catalog, Outcome, Reason, Rows
from tests.harness.analysis.worlds import SLOS, SMOKE, World, lognormal, poisson, run

LONG = Rules(min_duration_s=60, longest_cycle_s=2)


def judged_share(world: World, share: float) -> np.ndarray:
    """A random share of the judged arrivals, as a mask."""
    rng = np.random.default_rng(99)
    return (world.array["phase"] == 1) & (rng.random(len(world.array)) < share)


def fixed(due: np.ndarray, latency_s: float) -> World:
    """Every answer comes exactly `latency_s` after it was due: no design effect but the least."""
    world = run(due=due)
    for name, share in (("first_token_ns", 0.5), ("last_token_ns", 0.9), ("finished_ns", 1.0)):
        world.array[name] = world.array["due_ns"] + int(latency_s * share * 1e9)
    return world.metered()


def test_pass_says_what_it_proved() -> None:
    verdict = run().judged()
    assert verdict.word is Word.PASS
    assert verdict.capacity.proven == pytest.approx(verdict.offered_rate)
    assert verdict.headroom == pytest.approx(verdict.capacity.proven / 18 - 1)
    assert verdict.judged == ("peak",)
    assert "smoke" in verdict.headline
    assert verdict.outcomes == {"ok": verdict.judged_count}


@pytest.mark.parametrize(
    ("peak", "headroom", "says"),
    [
        (30.0, 0.0, "the forecast peak of 30/s was sustained"),
        (20.0, 0.5, "1.5 times the forecast peak of 20/s was sustained"),
        (40.0, -0.25, "the forecast peak of 40/s was not reached"),
    ],
)
def test_a_peak_is_held_against_the_busiest_minute_that_was_planned(peak: float, headroom: float, says: str) -> None:
    """Not against the mean of the judged load, nor against the luck of one draw."""
    world = run(judged_s=120, rate=18)
    planned, middle = world.evidence.planned, 70.0
    assert planned is not None
    knots = np.array([0, middle - 30, middle - 30, middle + 30, middle + 30, 130])
    curve = replace(planned, rate_knots_s=knots, rate_per_s=np.array([5.0, 5.0, 30.0, 30.0, 5.0, 5.0]))
    verdict = world.change(planned=curve, forecast_peak=peak).judged()
    assert verdict.word is Word.PASS
    assert verdict.capacity.busiest_minute == pytest.approx(30)
    assert verdict.headroom == pytest.approx(headroom)
    assert says in verdict.headline


@pytest.mark.parametrize(
    "outcome",
    [o for o in Outcome if o not in {Outcome.OK, Outcome.DEGRADED, Outcome.NOT_SENT, Outcome.LOST_WITH_WORKER}],
)
def test_a_tenth_of_failures_of_any_class_fails(outcome: Outcome) -> None:
    """Rows 19, 20: failures count as infinitely slow, however fast they were."""
    world = run()
    verdict = world.fail(judged_share(world, 0.2), outcome, after_s=0.01).judged("e2e p95 <= 4s", "errors < 3%")
    assert verdict.word is Word.FAIL
    assert [c.state for c in verdict.checks] == [State.MISSED, State.MISSED]
    assert verdict.exit_code == 99
    assert verdict.failures[0].outcome == outcome.label
    assert sum(mode.share for mode in verdict.failures) == pytest.approx(1)


def test_instant_429s_do_not_flatter_a_percentile_and_are_no_capacity_number() -> None:
    """Rows 20, 53."""
    world = run()
    verdict = world.fail(judged_share(world, 0.3), Outcome.THROTTLED, after_s=0.001).judged("e2e p95 <= 4s")
    assert verdict.word is Word.FAIL
    assert verdict.capacity.disproven is None
    assert "429s" in verdict.first_cause
    assert "429s" in verdict.why


def test_a_slow_system_is_a_capacity_number() -> None:
    verdict = run(latency=lognormal(6.0)).judged("e2e p95 <= 4s")
    assert verdict.word is Word.FAIL
    assert verdict.capacity.disproven == pytest.approx(verdict.offered_rate)


def test_timeouts_at_their_cap_do_not_meet_a_limit_at_the_cap() -> None:
    """Row 21: cap 5 s, p99 <= 5 s, 2 % hang."""
    world = run(judged_s=300)
    verdict = world.fail(judged_share(world, 0.03), Outcome.TIMEOUT, after_s=4.9).judged("e2e p99 <= 5s")
    assert verdict.word is Word.FAIL


def test_a_constant_just_over_the_limit_fails() -> None:
    """Row 15: 1049 ms against 1000, which two significant digits hide."""
    assert run(latency=lambda rng, due: np.full(len(due), 1.049)).judged("e2e p95 <= 1000ms").word is Word.FAIL
    assert run(latency=lambda rng, due: np.full(len(due), 0.998)).judged("e2e p95 <= 1000ms").word is Word.PASS


@pytest.mark.parametrize(("n", "word"), [(520, Word.INCONCLUSIVE), (560, Word.PASS)])
def test_too_few_requests_prove_no_tail(n: int, word: Word) -> None:
    """Row 17: p99 wants 459 effective requests, 547 real ones at the least design effect."""
    due = np.concatenate([np.linspace(0.1, 9.9, 200), np.linspace(10.01, 54.9, n)])
    verdict = fixed(due, 0.5).judged("e2e p99 <= 1s")
    assert verdict.word is word
    if word is Word.INCONCLUSIVE:
        assert verdict.reasons == ("TOO_SHORT",)
        assert verdict.checks[0].more_requests > 0
        assert verdict.exit_code == 4


def test_a_worker_that_is_slow_shows_in_the_pooled_rows() -> None:
    """Row 14: averaged percentiles of workers hide one slow path."""
    world = run()
    slow = world.array["worker"] == 1
    world.array["finished_ns"][slow] += 9_000_000_000
    world.array["last_token_ns"][slow] += 9_000_000_000
    assert world.metered().judged("e2e p95 <= 4s").word is Word.FAIL


def test_no_rows_no_slo_and_no_scope_are_invalid() -> None:
    """Row 18."""
    world = run()
    assert world.judged("e2e p95 <= 4s where journey=nobody").word is Word.INVALID
    assert world.judged("e2e p95 <= 4s where phase=warm").word is Word.INVALID
    assert world.judged("info e2e p95 <= 4s").word is Word.INVALID
    assert judge(world.rows, [], SMOKE, world.evidence).word is Word.INVALID
    nothing = Rows(np.zeros(0, RESULT_DTYPE), Catalog(("chat",), ("peak",)))
    for own in (True, False):
        verdict = judge(nothing, [parse_slo("errors < 3%")], SMOKE, Evidence(own_run=own))
        assert verdict.word is Word.INVALID
        assert "no_data" in verdict.reasons


def test_a_class_without_samples_is_invalid() -> None:
    """Row 18: a journey that nobody took has no good percentile."""
    world = run(journeys=("chat", "rag", "tool"))
    world.array["journey"] %= 2
    world.evidence.planned.journey[:] %= 2
    assert world.judged("e2e p95 <= 4s where journey=tool").word is Word.INVALID


def test_an_empty_stream_has_no_time_to_first_token() -> None:
    """Row 27: undefined is not 0."""
    world = run()
    mask = judged_share(world, 0.2)
    world.array["first_token_ns"][mask] = NEVER
    world.array["last_token_ns"][mask] = NEVER
    verdict = world.judged("ttft p95 <= 2s")
    assert verdict.word is Word.FAIL


def test_degraded_is_a_success_but_not_for_goodput() -> None:
    world = run()
    world.array["outcome"][judged_share(world, 0.3)] = Outcome.DEGRADED
    assert world.judged("errors < 3%", "e2e p95 <= 4s").word is Word.PASS
    assert world.judged("goodput >= 90%").word is Word.FAIL
    assert world.judged("degraded < 5%").word is Word.FAIL


def test_a_missed_warning_warns_only() -> None:
    verdict = run().judged("e2e p95 <= 4s", "warn e2e p95 <= 300ms")
    assert verdict.word is Word.PASS
    assert verdict.checks[1].state is State.MISSED


def test_a_short_run_that_is_no_smoke_run_is_inconclusive_for_coverage() -> None:
    verdict = run().judged(rules=Rules())
    assert verdict.word is Word.INCONCLUSIVE
    assert "COVERAGE" in verdict.reasons


def test_a_long_run_passes_without_being_a_smoke_run() -> None:
    verdict = run(judged_s=120).judged(rules=LONG)
    assert verdict.word is Word.PASS
    assert not verdict.smoke


def test_overload_fails_whatever_the_percentiles() -> None:
    """A queue that grows by a tenth of the load, still inside the latency limit when the run ends."""

    def growing(rng: np.random.Generator, due: np.ndarray) -> np.ndarray:
        return 0.5 + np.maximum(0, due - 10) * 0.1

    world = run(latency=growing, judged_s=60)
    verdict = world.judged("e2e p95 <= 30s", "errors < 3%")
    assert verdict.word is Word.FAIL
    assert "unstable" in verdict.reasons
    assert "grew" in verdict.why


def test_a_full_in_flight_bound_is_a_fail_and_not_a_spoiled_run() -> None:
    """A system that cannot keep up: 30 s latencies, then arrivals find the bound."""
    world = run(latency=lambda rng, due: np.full(len(due), 30.0), judged_s=60)
    mask = world.array["due_ns"] > 45e9
    world.array["reason"][mask] = Reason.IN_FLIGHT_BOUND
    verdict = world.fail(mask, Outcome.NOT_SENT).judged("e2e p95 <= 4s")
    assert verdict.word is Word.FAIL
    assert "late_sends" in verdict.reasons
    assert any(c.kind == "fail_stands" for c in verdict.caveats)
    assert any(b.name == "harness" for b in verdict.bottleneck)


def test_a_full_bound_with_nothing_proven_before_it_stays_invalid() -> None:
    """Row 4: dropped arrivals are INVALID unless FAIL is proven."""
    world = run(judged_s=60)
    mask = world.array["due_ns"] > 45e9
    world.array["reason"][mask] = Reason.IN_FLIGHT_BOUND
    assert world.fail(mask, Outcome.NOT_SENT).judged("e2e p95 <= 4s").word is Word.INVALID


def test_a_fail_does_not_stand_when_a_gate_broke_before() -> None:
    world = run(latency=lambda rng, due: np.full(len(due), 30.0), judged_s=60)
    mask = world.array["due_ns"] > 45e9
    world.array["reason"][mask] = Reason.IN_FLIGHT_BOUND
    world.fail(mask, Outcome.NOT_SENT)
    world.evidence.telemetry["loop_lag_s_p99"][world.evidence.telemetry["t_s"] < 30] = 2.0
    assert world.judged("e2e p95 <= 4s").word is Word.INVALID


def test_our_own_stop_accuses_nobody() -> None:
    """Ctrl-C cancels what is in flight: these are no errors of the target."""
    world = run()
    stopped = world.array["due_ns"] > 40e9
    cut_off = (world.array["due_ns"] > 37e9) & ~stopped
    world.array["reason"][stopped | cut_off] = Reason.STOPPED
    world.fail(cut_off, Outcome.CANCELLED).fail(stopped, Outcome.NOT_SENT)
    assert world.change(stopped_early="interrupted").judged("errors < 1%").word is Word.INVALID


def test_holm_forgives_one_unlucky_check_among_many() -> None:
    world = run()
    due = np.argsort(world.array["due_ns"])
    judged = due[world.array["phase"][due] == 1]
    mask = np.zeros(len(world.array), dtype=bool)
    mask[judged[:: len(judged) // 19]] = True
    world.fail(mask, Outcome.SERVER_ERROR)
    alone = world.judged("server_error < 1%")
    assert alone.word is Word.FAIL
    assert 0.001 < alone.checks[0].p_value < 0.01
    many = world.judged("server_error < 1%", *(f"e2e p95 <= {k}s" for k in range(4, 16)))
    assert many.word is Word.INCONCLUSIVE
    assert "alone" in many.checks[0].advice


def test_looks_cost_confidence() -> None:
    due = np.concatenate([np.linspace(0.1, 9.9, 200), np.linspace(10.01, 54.9, 600)])
    world = fixed(due, 0.5)
    assert world.judged("e2e p99 <= 1s").word is Word.PASS
    assert world.judged("e2e p99 <= 1s", rules=replace(SMOKE, looks=6)).word is Word.INCONCLUSIVE


def test_warm_up_is_cut_but_a_failure_in_it_never() -> None:
    def settling(rng: np.random.Generator, due: np.ndarray) -> np.ndarray:
        return 0.5 * np.exp(0.2 * rng.standard_normal(len(due))) + 6 * np.exp(-np.maximum(0, due - 10) / 2)

    world = run(latency=settling, judged_s=120)
    early = (world.array["due_ns"] > 10e9) & (world.array["due_ns"] < 12e9)
    world.fail(early & (np.arange(len(early)) % 3 == 0), Outcome.SERVER_ERROR)
    failed = int((world.array["outcome"][world.array["phase"] == 1] == Outcome.SERVER_ERROR).sum())
    verdict = world.judged("e2e p95 <= 4s", "errors < 30%")
    cut = next(c.what for c in verdict.caveats if c.kind == "warm_up")
    assert not cut.startswith("phase peak: 0.0")
    assert verdict.checks[1].bad == failed > 5
    assert verdict.checks[1].n < verdict.judged_count


@pytest.mark.parametrize("share", [0.1, 0.3, 0.48])
@pytest.mark.parametrize("warm_s", [0.0, 10.0])
def test_a_slow_start_of_the_judged_phase_is_no_warm_up_to_be_cut_away(share: float, warm_s: float) -> None:
    """A system that needs minutes at the peak to become quick broke its promise in them."""
    slow_until_s = warm_s + share * 200 + 20

    def slow_at_first(rng: np.random.Generator, due: np.ndarray) -> np.ndarray:
        return lognormal(0.3)(rng, due) * np.where((due >= warm_s) & (due < slow_until_s), 20.0, 1.0)

    verdict = run(judged_s=200, warm_s=warm_s, latency=slow_at_first).judged("e2e p95 <= 4s", "errors < 3%")
    assert verdict.word in {Word.INCONCLUSIVE, Word.FAIL, Word.INVALID}
    if verdict.word is Word.INCONCLUSIVE:
        assert "WARM_UP" in verdict.reasons
        assert "met only without the first" in verdict.why


def test_tokens_a_second_are_of_every_judged_phase() -> None:
    """Quick answers of the first judged phase do not speak for a second one that answers nothing in time."""
    world = run(judged_s=100, warm_s=100)
    both = tuple(replace(window, judged=True) for window in world.evidence.phases or ())
    world.change(phases=both)
    assert world.judged("tokens/s >= 600/s").checks[0].state is State.MET
    world.array["tokens_out"][world.array["phase"] == 1] = 1
    assert world.judged("tokens/s >= 600/s").checks[0].state is not State.MET
    assert world.judged("tokens/s >= 600/s where phase=warm").checks[0].state is State.MET
    assert world.judged("tokens/s >= 600/s where phase=peak").checks[0].state is State.MISSED


def test_a_cold_start_of_a_tenth_is_cut_away() -> None:
    def cold(rng: np.random.Generator, due: np.ndarray) -> np.ndarray:
        return lognormal(0.3)(rng, due) * np.where(due < 15, 20.0, 1.0)

    assert run(judged_s=200, warm_s=0, latency=cold).judged("e2e p95 <= 4s", "errors < 3%").word is Word.PASS


def test_rows_without_a_plan_are_judged_by_their_own_phase() -> None:
    world = run()
    foreign = replace(world.rows, catalog=Catalog(("chat", "rag"), ("all", "replay")))
    foreign.array["phase"] = 0
    verdict = judge(foreign, [parse_slo(s) for s in SLOS], SMOKE, Evidence(own_run=False))
    assert verdict.word is Word.PASS
    assert verdict.judged == ("all",)
    assert verdict.judged_count == len(foreign.array)
    assert {"ledger", "cpu", "workers", "clock", "little", "arrivals", "loop_lag", "telemetry", "mix"} == {
        c.kind for c in verdict.caveats if c.status == "not_fed"
    }


def test_the_order_of_the_rows_does_not_matter() -> None:
    world = run()
    once = world.judged()
    again = world.keep(np.random.default_rng(5).permutation(len(world.array))).judged()
    assert once == again


@settings(max_examples=30, deadline=None)
@given(data=st.data(), seed=st.integers(0, 50), share=st.floats(0, 0.2))
def test_a_worse_row_never_improves_a_bound_at_a_fixed_design_effect(
    data: st.DataObject, seed: int, share: float
) -> None:
    """verdict.md: at a fixed window and design effect, one more failure or one slower sample never improves a
    verdict."""
    from harness.analysis.check import share_state

    n = data.draw(st.integers(20, 5000))
    bad = int(share * n)
    effect = data.draw(st.floats(1, 20))
    order = [State.MET, State.UNDECIDED, State.MISSED]
    before = share_state(bad / n, n, effect, 0.05, SMOKE)
    after = share_state(min(n, bad + 1) / n, n, effect, 0.05, SMOKE)
    assert order.index(after[0]) >= order.index(before[0])
    assert after[1] >= before[1] - 1e-12
    assert after[2] >= before[2] - 1e-12


@settings(max_examples=25, deadline=None)
@given(
    field=st.sampled_from(
        [name for name in RESULT_DTYPE.names if name not in {"written_by", "bytes_in", "events", "flags"}]
    ),
    row=st.integers(0, 500),
    value=st.sampled_from([-(2**62), -1, 0, 1, 255, 2**31, 2**62]),
)
def test_no_altered_row_turns_a_fail_into_a_pass(field: str, row: int, value: int) -> None:
    """Rows 12, 54: whatever one field of one row is changed to, a failing run does not pass, and nothing crashes."""
    world = run(judged_s=30, latency=lognormal(6.0))
    info = np.iinfo(RESULT_DTYPE[field])
    world.array[field][row] = np.clip(value, info.min, info.max)
    assert world.judged("e2e p95 <= 4s").word in {Word.FAIL, Word.INVALID}


def test_a_finding_keeps_the_steady_part() -> None:
    world = run()
    scene = set_scene(world.rows, SMOKE, world.evidence)
    finding = examine(scene, [parse_slo("errors < 3%")])
    assert len(finding.steady) <= len(scene.judged)
    assert np.all(np.diff(scene.judged.due_s) >= 0)


def test_healthy_smoke_runs_are_rarely_called_anything_else() -> None:
    """At most 1 in 50 healthy 45 s runs of some 900 arrivals may be INVALID or FAIL; here 60 seeds, latency with
    waves."""

    def wavy(rng: np.random.Generator, due: np.ndarray) -> np.ndarray:
        wave = 1 + 0.25 * np.sin(due / 3 + rng.uniform(0, 6))
        return 0.7 * wave * np.exp(0.4 * rng.standard_normal(len(due)))

    words = [run(seed=seed, latency=wavy).judged().word for seed in range(60)]
    assert words.count(Word.PASS) >= 58


def test_moving_load_is_not_taken_for_a_growing_queue() -> None:
    rng = np.random.default_rng(3)
    marks = np.sort(rng.uniform(0, 1, 1200))
    due = np.sort(np.concatenate([poisson(rng, 5, 0, 10), 10 + 45 * np.sqrt(marks)]))
    verdict = run(due=due, constant=False).judged()
    assert verdict.word is Word.PASS
