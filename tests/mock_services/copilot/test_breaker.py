from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.copilot.breaker import Breaker, BreakerRules, Permit, State

RULES = BreakerRules(open_s=5, longest_open_s=20, slow_call_s=1)


def fail(breaker: Breaker, now_s: float, hint_s: float | None = None) -> None:
    permit = breaker.permit(now_s)
    assert permit is not None
    breaker.failed(permit, now_s, hint_s)


def succeed(breaker: Breaker, now_s: float, took_s: float = 0.1) -> None:
    permit = breaker.permit(now_s)
    assert permit is not None
    breaker.succeeded(permit, now_s, took_s)


def opened(now_s: float = 0.0, rules: BreakerRules = RULES) -> Breaker:
    breaker = Breaker(rules)
    for _ in range(rules.failures_in_a_row):
        fail(breaker, now_s)
    assert breaker.state(now_s) is State.OPEN
    return breaker


def test_a_run_of_failures_opens_it() -> None:
    breaker = Breaker(RULES)
    for _ in range(4):
        fail(breaker, 0)
    assert breaker.state(0) is State.CLOSED
    fail(breaker, 0)
    assert breaker.state(0) is State.OPEN
    assert breaker.permit(0) is None
    assert breaker.wait_s(1) == pytest.approx(4)


def test_a_success_ends_the_run() -> None:
    breaker = Breaker(BreakerRules(least_calls=1000))
    for _ in range(20):
        for _ in range(4):
            fail(breaker, 0)
        succeed(breaker, 0)
    assert breaker.state(0) is State.CLOSED


def test_half_of_the_window_failing_opens_it_and_less_does_not() -> None:
    rules = BreakerRules(failures_in_a_row=1000, least_calls=10, failed_share=0.5)
    healthy = Breaker(rules)
    for n in range(30):
        (fail if n % 3 == 0 else succeed)(healthy, n * 0.1)
    assert healthy.state(3) is State.CLOSED
    sick = Breaker(rules)
    for n in range(10):
        (fail if n % 2 == 1 else succeed)(sick, n * 0.1)
    assert sick.state(1) is State.OPEN


def test_old_failures_leave_the_window() -> None:
    breaker = Breaker(BreakerRules(failures_in_a_row=1000, least_calls=10, window_s=10))
    for _ in range(9):
        fail(breaker, 0)
    for n in range(11):
        succeed(breaker, 11 + n)
    assert breaker.state(22) is State.CLOSED


def test_slow_calls_open_it_though_none_failed() -> None:
    breaker = Breaker(RULES)
    for _ in range(10):
        assert breaker.state(0) is State.CLOSED
        succeed(breaker, 0, took_s=1.5)
    assert breaker.state(0) is State.OPEN


def test_two_probes_and_no_more_and_both_good_close_it() -> None:
    breaker = opened()
    assert breaker.permit(4.9) is None
    assert breaker.state(5) is State.HALF_OPEN
    probes = [breaker.permit(5), breaker.permit(5)]
    assert probes == [Permit(is_probe=True)] * 2
    assert breaker.permit(5) is None
    for probe in probes:
        assert breaker.state(5.1) is State.HALF_OPEN
        assert breaker.permit(5.1) is None, "what it takes is under way"
        assert probe is not None
        breaker.succeeded(probe, 5.1, 0.1)
    assert breaker.state(5.2) is State.CLOSED
    assert breaker.permit(5.2) == Permit(is_probe=False)


def test_a_second_bad_probe_does_not_lengthen_the_pause_again() -> None:
    breaker = opened()
    first, second = breaker.permit(5), breaker.permit(5)
    assert first is not None and second is not None
    breaker.failed(first, 5)
    breaker.failed(second, 6)
    assert breaker.wait_s(5) == pytest.approx(10)
    assert breaker.permit(15) == Permit(is_probe=True)


def test_a_bad_probe_opens_it_for_twice_as_long_up_to_a_limit() -> None:
    breaker = opened()
    now_s = 0.0
    pauses = []
    for _ in range(5):
        pauses.append(breaker.wait_s(now_s))
        now_s += pauses[-1]
        fail(breaker, now_s)
    assert pauses == [5, 10, 20, 20, 20]
    now_s += 20
    succeed(breaker, now_s)
    succeed(breaker, now_s)
    assert breaker.state(now_s) is State.CLOSED
    for _ in range(5):
        fail(breaker, now_s)
    assert breaker.wait_s(now_s) == pytest.approx(5), "after a recovery the pause is short again"


def test_a_slow_probe_is_a_bad_probe() -> None:
    breaker = opened()
    succeed(breaker, 5, took_s=3)
    assert breaker.state(5) is State.OPEN


def test_an_abandoned_probe_gives_its_place_back() -> None:
    breaker = opened()
    probe = breaker.permit(5)
    assert probe is not None and breaker.permit(5) is not None and breaker.permit(5) is None
    breaker.abandoned(probe)
    assert breaker.permit(5) == Permit(is_probe=True)


def test_late_results_of_calls_from_before_do_not_close_or_reopen_it() -> None:
    breaker = opened()
    breaker.succeeded(Permit(is_probe=False), 1, 0.1)
    assert breaker.state(1) is State.OPEN
    breaker.failed(Permit(is_probe=False), 4.9)
    assert breaker.wait_s(4.9) == pytest.approx(0.1), "stragglers do not lengthen the pause"


def test_a_hint_is_honoured_in_every_state_and_bounded() -> None:
    breaker = Breaker(RULES)
    fail(breaker, 0, hint_s=3)
    assert breaker.state(0) is State.CLOSED
    assert breaker.permit(2.9) is None
    assert breaker.permit(3) is not None
    fail(breaker, 10, hint_s=1e9)
    assert breaker.wait_s(10) == RULES.longest_hint_s


def test_switches() -> None:
    deaf = Breaker(BreakerRules(honour_hints=False))
    fail(deaf, 0, hint_s=60)
    assert deaf.permit(0) is not None
    absent = Breaker(BreakerRules(enabled=False))
    for _ in range(100):
        fail(absent, 0)
    assert absent.state(0) is State.CLOSED


@given(
    st.lists(st.tuples(st.sampled_from(["good", "slow", "bad", "hint", "leave", "ask"]), st.floats(0, 4)), max_size=80)
)
def test_whatever_happens_there_are_two_probes_at_most_and_no_call_while_held(steps: list[tuple[str, float]]) -> None:
    breaker = Breaker(RULES)
    now_s, held_until_s = 0.0, 0.0
    out: list[Permit] = []
    for what, pause_s in steps:
        now_s += pause_s
        permit = breaker.permit(now_s)
        if permit is not None:
            assert now_s >= held_until_s
            assert breaker.state(now_s) is not State.OPEN
            out.append(permit)
        assert sum(p.is_probe for p in out) <= RULES.good_probes
        if not out or what == "ask":
            continue
        settled = out.pop(0)
        match what:
            case "good":
                breaker.succeeded(settled, now_s, 0.1)
            case "slow":
                breaker.succeeded(settled, now_s, 2.0)
            case "bad":
                breaker.failed(settled, now_s)
            case "hint":
                breaker.failed(settled, now_s, 2.0)
                held_until_s = max(held_until_s, now_s + 2.0)
            case "leave":
                breaker.abandoned(settled)
    for permit in out:
        breaker.abandoned(permit)
    assert breaker.permit(now_s + 1000) is not None, "it never locks itself up"
