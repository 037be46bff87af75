"""Every gate: a healthy run holds it, the planted defect breaks it, and its evidence taken away is a gap in our own run
but `not_fed` in another tool's rows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis import Prices, Verdict, Word
from harness.analysis.gates_generator import pooled_lag_s
from harness.results import NEVER, ClockFact, Outcome, Reason, WorkerFact
from tests.harness.analysis.worlds import World, run

Plant = Callable[[World], None]


def broken(verdict: Verdict) -> set[str]:
    return {c.kind for c in verdict.caveats if c.status == "broken"}


def test_a_healthy_run_breaks_no_gate_and_feeds_all() -> None:
    verdict = run().judged()
    assert verdict.word is Word.PASS
    assert {c.status for c in verdict.caveats} <= {"held", "waived"}
    assert verdict.exit_code == 0


def _drop_rows(world: World) -> None:
    world.keep(np.arange(len(world.array)) != 500)


def _double_a_row(world: World) -> None:
    world.keep(np.append(np.arange(len(world.array)), 7))


def _invent_a_row(world: World) -> None:
    world.array["seq"][5] = 999_999


def _move_a_due_time(world: World) -> None:
    world.array["due_ns"][5] -= 3_000_000


def _change_a_phase(world: World) -> None:
    early = np.flatnonzero(world.array["phase"] == 1)[0]
    world.array["phase"][early] = 0


def _late_once(world: World) -> None:
    """Two of some 200 arrivals in 10 s, 3 s late: more than max(1, 1 %)? Three are."""
    near = np.argsort(np.abs(world.array["due_ns"] - 30_000_000_000))[:3]
    for name in ("sent_ns", "first_token_ns", "last_token_ns", "finished_ns"):
        world.array[name][near] += 3_000_000_000
    world.metered()


def _never_sent(world: World) -> None:
    near = np.argsort(np.abs(world.array["due_ns"] - 30_000_000_000))[:3]
    mask = np.zeros(len(world.array), dtype=bool)
    mask[near] = True
    world.array["reason"][mask] = Reason.LATE
    world.fail(mask, Outcome.NOT_SENT)


def _send_lag(world: World) -> None:
    for name in ("sent_ns", "first_token_ns", "last_token_ns", "finished_ns"):
        world.array[name] += 150_000_000
    world.metered()


def _growing_lag(world: World) -> None:
    """inference-perf #189: the same mean rate, every send later than the last."""
    lag = (world.array["due_ns"] * 0.02).astype(np.int64)
    for name in ("sent_ns", "first_token_ns", "last_token_ns", "finished_ns"):
        world.array[name] += lag
    world.metered()


def _loop_lag(world: World) -> None:
    world.evidence.telemetry["loop_lag_s_p99"][:] = 0.3


def _burnt_cpu(world: World) -> None:
    record = world.evidence.telemetry
    record["cpu_share"][(record["worker"] == 1) & (record["t_s"] > 20) & (record["t_s"] <= 25)] = 0.97


def _stopped_worker(world: World) -> None:
    record = world.evidence.telemetry
    world.change(telemetry=record[~((record["worker"] == 1) & (record["t_s"] > 20) & (record["t_s"] < 27))])


def _lost_worker(world: World) -> None:
    first, second = world.evidence.workers
    world.change(workers=(first, replace(second, state="lost")))


def _lying_worker(world: World) -> None:
    first, second = world.evidence.workers
    world.change(workers=(first, replace(second, reported=second.reported + 1000)))


def _all_lost(world: World) -> None:
    world.change(workers=tuple(replace(w, state="lost") for w in world.evidence.workers))


def _slept(world: World) -> None:
    world.change(clock=ClockFact(56, 86, 86))


def _stepped_clock(world: World) -> None:
    world.change(clock=ClockFact(56, 56, 3656))


def _skewed_clock(world: World) -> None:
    first, second = world.evidence.workers
    world.change(workers=(first, replace(second, clock_offset_s=0.02)))


def _counter_off(world: World) -> None:
    world.evidence.telemetry["in_flight_area_s"][:] *= 1.05


def _mix_off(world: World) -> None:
    """The rag journey is never sent in one stretch (few enough of them to slip by elsewhere)."""
    mask = (world.array["journey"] == 1) & (world.array["due_ns"] > 35e9)
    world.array["reason"][mask] = Reason.LATE
    world.fail(mask, Outcome.NOT_SENT)


def _client_failures(world: World) -> None:
    judged = np.flatnonzero(world.array["phase"] == 1)[:2]
    mask = np.zeros(len(world.array), dtype=bool)
    mask[judged] = True
    world.fail(mask, Outcome.REFUSED)
    world.array["reason"][mask] = Reason.CLIENT_PORTS


def _mock_is_late(world: World) -> None:
    world.change(mock_pacing_error_s_p99=0.2, mock_pacing_limit_s=0.05)


def _target_counts_less(world: World) -> None:
    world.change(target_count=len(world.array) - 5)


def _torn_spool(world: World) -> None:
    world.rows = replace(world.rows, damage=("engine/worker-1.spool: block 7 has a wrong CRC",))


def _short_answers(world: World) -> None:
    plan = world.evidence.planned
    world.change(planned=replace(plan, tokens_out=np.full(len(plan.seq), 40, np.uint32)), lengths_declared=True)
    world.array["tokens_out"] = 5


def _cached_answers(world: World) -> None:
    world.rows = replace(world.rows, catalog=replace(world.rows.catalog, served_by=("", "primary", "cache")))
    world.array["served_by"] = np.where(np.arange(len(world.array)) % 2, 1, 2)
    world.change(declared_cache_share=0.0)


def _books_do_not_close(world: World) -> None:
    """The second rows were taken out before judging: what is left looks whole."""
    world.change(ledger_problems=("21 arrivals have more than one outcome (seq 0, 20, 40, ...)",))


def _stopped_early(world: World) -> None:
    mask = world.array["due_ns"] > 40e9
    world.array["reason"][mask] = Reason.STOPPED
    world.fail(mask, Outcome.NOT_SENT)
    world.change(stopped_early="the request budget was spent")


def _unbalanced_books(world: World) -> None:
    """The ledger left a second row out: only its word about it is there."""
    world.change(ledger_problems=("1 arrivals have more than one outcome (seq 7)",))


def _cold_start(world: World) -> None:
    """Slow for the first 30 of 45 s: warm-up mixed into the judged phase."""
    slow = (world.array["due_ns"] > 10e9) & (world.array["due_ns"] < 40e9)
    extra = np.where(slow, (1 - (world.array["due_ns"] * 1e-9 - 10) / 30) * 3e9, 0).astype(np.int64)
    for name in ("first_token_ns", "last_token_ns", "finished_ns"):
        world.array[name] += extra
    world.metered()


DEFECTS = [
    (_drop_rows, "ledger"), (_double_a_row, "ledger"), (_invent_a_row, "ledger"), (_move_a_due_time, "ledger"),
    (_change_a_phase, "ledger"), (_lying_worker, "ledger"), (_late_once, "late_sends"), (_never_sent, "late_sends"),
    (_send_lag, "send_lag"), (_growing_lag, "late_sends"), (_loop_lag, "loop_lag"), (_burnt_cpu, "cpu"),
    (_stopped_worker, "telemetry"), (_lost_worker, "workers"), (_all_lost, "workers"), (_slept, "clock"),
    (_stepped_clock, "clock"), (_skewed_clock, "clock_skew"), (_counter_off, "little"), (_mix_off, "mix"),
    (_client_failures, "client_failures"), (_mock_is_late, "mock_pacing"), (_target_counts_less, "target_count"),
    (_torn_spool, "spool"), (_short_answers, "answer_length"), (_cached_answers, "cache_share"),
    (_stopped_early, "complete"), (_unbalanced_books, "ledger"), (_books_do_not_close, "ledger"),
    (_cold_start, "warm_up"),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "gate"), DEFECTS, ids=lambda x: x if isinstance(x, str) else x.__name__.strip("_"))
def test_a_planted_defect_makes_the_run_invalid(plant: Plant, gate: str) -> None:
    world = run()
    plant(world)
    verdict = world.judged(
        "e2e p95 <= 8s", "ttft p95 <= 6s" if plant is not _send_lag else "ttft p95 <= 2s", "errors < 30%"
    )
    assert gate in broken(verdict)
    assert verdict.word is Word.INVALID
    assert gate in verdict.reasons
    assert verdict.exit_code == 5
    assert verdict.why


IMPOSSIBLE: list[tuple[str, Plant]] = [
    ("an unknown outcome", lambda w: w.array["outcome"].__setitem__(3, 77)),
    ("a success without an end", lambda w: w.array["finished_ns"].__setitem__(3, NEVER)),
    ("an end before the send", lambda w: w.array["finished_ns"].__setitem__(3, w.array["sent_ns"][3] - 10_000_000)),
    ("a first token after the end", lambda w: w.array["first_token_ns"].__setitem__(3, w.array["finished_ns"][3] + 5)),
    ("a first token before the send", lambda w: w.array["first_token_ns"].__setitem__(3, w.array["sent_ns"][3] - 5)),
    (
        "a last token before the first",
        lambda w: w.array["last_token_ns"].__setitem__(3, w.array["first_token_ns"][3] - 5),
    ),
    ("a send before it was due", lambda w: w.array["sent_ns"].__setitem__(3, w.array["due_ns"][3] - 20_000_000)),
    ("a due time before the start", lambda w: w.array["due_ns"].__setitem__(3, -5)),
    ("a phase without a name", lambda w: w.array["phase"].__setitem__(3, 9)),
    ("a success of our own run without a send", lambda w: w.array["sent_ns"].__setitem__(3, NEVER)),
]


@pytest.mark.parametrize(("what", "plant"), IMPOSSIBLE, ids=[what for what, _ in IMPOSSIBLE])
def test_impossible_rows_are_invalid_whoever_recorded_them(what: str, plant: Plant) -> None:
    world = run()
    plant(world)
    verdict = world.judged()
    assert verdict.word is Word.INVALID
    assert "possible" in broken(verdict)
    assert any(what in c.what for c in verdict.caveats)


ABSENT = [("planned", "ledger"), ("telemetry", "little"), ("telemetry", "cpu"), ("telemetry", "loop_lag"),
          ("workers", "workers"), ("clock", "clock")]  # fmt: skip


@pytest.mark.parametrize(("field", "gate"), ABSENT)
def test_evidence_missing_from_our_own_run_is_invalid(field: str, gate: str) -> None:
    verdict = run().change(**{field: None}).judged()
    assert gate in broken(verdict)
    assert verdict.word is Word.INVALID


@pytest.mark.parametrize(("field", "gate"), ABSENT)
def test_evidence_missing_from_foreign_rows_is_not_fed_and_a_pass_stays_possible(field: str, gate: str) -> None:
    verdict = run().change(own_run=False, **{field: None}).judged()
    assert {c.kind: c.status for c in verdict.caveats}[gate] == "not_fed"
    assert verdict.word is Word.PASS


def test_one_late_send_in_ten_seconds_is_forgiven() -> None:
    world = run()
    near = np.argsort(np.abs(world.array["due_ns"] - 30_000_000_000))[:1]
    for name in ("sent_ns", "first_token_ns", "last_token_ns", "finished_ns"):
        world.array[name][near] += 3_000_000_000
    assert world.metered().judged().word is Word.PASS


def test_a_refused_stranger_does_no_harm() -> None:
    world = run()
    world.change(workers=(*world.evidence.workers, WorkerFact(9, "refused", 0, 0, detail="wrong key")))
    assert world.judged().word is Word.PASS


def test_the_lag_limit_follows_the_smallest_latency_limit() -> None:
    world = run()
    for name in ("sent_ns", "first_token_ns", "last_token_ns", "finished_ns"):
        world.array[name] += 40_000_000
    world.metered()
    assert "send_lag" not in broken(world.judged("e2e p95 <= 4s"))
    assert "send_lag" in broken(world.judged("e2e p95 <= 4s", "ttft p95 <= 600ms"))
    assert "send_lag" in broken(world.judged("errors < 3%"))


def test_loop_lag_is_pooled_over_the_seconds() -> None:
    assert pooled_lag_s(np.full(45, 0.004)) == pytest.approx(0.004, rel=1e-6)
    one_bad = np.array([0.001] * 44 + [0.030])
    assert pooled_lag_s(one_bad) < 0.030
    assert pooled_lag_s(np.full(45, 0.2)) == pytest.approx(0.2, rel=1e-6)
    assert pooled_lag_s(np.array([0.001] * 20 + [0.2] * 25)) > 0.1


def _mix_that_moves(world: World) -> World:
    """chat in the first half of the judged phase, rag in the second: as planned."""
    plan = world.evidence.planned
    world.array["journey"] = world.array["due_ns"] > 32e9
    return world.change(planned=replace(plan, journey=(plan.due_ns > 32e9).astype(np.uint8)))


def mix_of(verdict: Verdict) -> tuple[str, str]:
    return next((c.status, c.what) for c in verdict.caveats if c.kind == "mix")


def test_a_mix_that_moves_as_planned_holds_and_arrivals_that_were_not_sent_do_not_blur_it() -> None:
    world = _mix_that_moves(run())
    assert mix_of(world.judged())[0] == "held"
    early = world.array["due_ns"] < 12e9  # all of one journey: no fault of the mix, which had no other then
    world.array["reason"][early] = Reason.LATE
    assert mix_of(world.fail(early, Outcome.NOT_SENT).judged())[0] == "held"


def test_a_mix_off_for_a_minute_is_found_though_the_whole_is_right() -> None:
    world = run(rate=40.0)
    swapped = (world.array["due_ns"] > 20e9) & (world.array["due_ns"] < 40e9)
    # In the first half of the stretch mostly chat is sent, in the second mostly rag: the sum is as planned.
    early = world.array["due_ns"] < 30e9
    drop = swapped & (world.array["journey"] == np.where(early, 1, 0)) & (np.arange(len(early)) % 4 > 0)
    world.array["reason"][drop] = Reason.LATE
    status, what = mix_of(world.fail(drop, Outcome.NOT_SENT).judged())
    assert status == "broken"
    assert "of the judged load" in what


def test_a_journey_that_is_a_little_short_all_the_time_is_found() -> None:
    world = run(rate=100.0)
    drop = (world.array["journey"] == 1) & (np.arange(len(world.array)) % 6 == 0)
    world.array["reason"][drop] = Reason.LATE
    assert mix_of(world.fail(drop, Outcome.NOT_SENT).judged())[0] == "broken"


def test_a_forced_answer_length_within_a_tenth_holds() -> None:
    world = run()
    plan = world.evidence.planned
    world.change(planned=replace(plan, tokens_out=np.full(len(plan.seq), 42, np.uint32)))
    verdict = world.judged()
    assert {c.kind: c.status for c in verdict.caveats}["answer_length"] == "held"


def test_a_cost_without_prices_is_no_data() -> None:
    world = run()
    assert world.judged("cost <= 5 USD").word is Word.INVALID
    assert world.change(prices=Prices(1.0, 4.0)).judged("cost <= 5 USD").word is Word.PASS
    assert world.judged("cost <= 0.2 USD").word is Word.FAIL  # 100 in and 40 out are 0.26 USD a thousand


def test_shorter_answers_than_asked_for_are_only_noted_where_no_length_is_declared() -> None:
    world = run()
    _short_answers(world)
    verdict = world.change(lengths_declared=False).judged()
    assert verdict.word is Word.PASS
    assert {c.kind: c.status for c in verdict.caveats}["answer_length"] == "noted"


@pytest.mark.parametrize(("share", "told", "loud"), [(0.05, False, False), (0.3, True, False), (0.8, True, True)])
def test_degraded_answers_are_told_beside_a_pass(share: float, told: bool, loud: bool) -> None:
    world = run()
    world.array["outcome"][np.random.default_rng(1).random(len(world.array)) < share] = Outcome.DEGRADED
    verdict = world.judged("e2e p95 <= 4s", "errors < 3%")
    assert verdict.word.value == "PASS"
    found = [c for c in verdict.caveats if c.kind == "degraded"]
    assert bool(found) is told and ("of the answers were degraded" in verdict.why) is loud
    assert all("no SLO forbids it" in c.advice for c in found)
    assert not any(c.advice for c in world.judged("errors < 3%", "degraded < 99%").caveats if c.kind == "degraded")
