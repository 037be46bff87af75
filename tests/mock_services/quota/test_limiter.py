from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.quota import COST_RULES, Denial, Grant, Limit, Quota, Usage

SCOPE = {"org": "o", "model": "m", "key": "k"}


def limits(rpm: float = 10, tpm: float = 1000) -> list[Limit]:
    return [Limit("requests", "requests", rpm), Limit("tokens", "tokens", tpm)]


def test_all_limits_or_none() -> None:
    quota = Quota(limits(rpm=10, tpm=100))
    assert isinstance(quota.admit(SCOPE, {"tokens": 60}, 0.0), Grant)
    denial = quota.admit(SCOPE, {"tokens": 60}, 0.0)
    assert isinstance(denial, Denial)
    assert (denial.limit.label, denial.used, denial.requested) == ("tokens", 60, 60)
    assert denial.wait_s == pytest.approx(12.0)
    standing = quota.standing("requests", SCOPE, 0.0)
    assert standing is not None and standing.remaining == 9, "the refused request took no place"


def test_the_longest_wait_decides() -> None:
    quota = Quota(limits(rpm=1, tpm=100))
    quota.admit(SCOPE, {"tokens": 100}, 0.0)
    denial = quota.admit(SCOPE, {"tokens": 10}, 0.0)
    assert isinstance(denial, Denial) and denial.limit.label == "requests" and denial.wait_s == 60


def test_a_request_larger_than_the_limit_never_fits() -> None:
    denial = Quota(limits(tpm=100)).admit(SCOPE, {"tokens": 101}, 0.0)
    assert isinstance(denial, Denial) and denial.too_large and denial.wait_s == math.inf


def test_scopes_have_meters_of_their_own() -> None:
    quota = Quota([Limit("requests", "requests", 1, scope=("org", "model"))])
    assert isinstance(quota.admit({"org": "a", "model": "m"}, {}, 0.0), Grant)
    assert isinstance(quota.admit({"org": "b", "model": "m"}, {}, 0.0), Grant)
    assert isinstance(quota.admit({"org": "a", "model": "n"}, {}, 0.0), Grant)
    assert isinstance(quota.admit({"org": "a", "model": "m"}, {}, 0.0), Denial)


def test_a_limit_without_scope_is_shared_by_all() -> None:
    quota = Quota([Limit("requests", "requests", 1, scope=())])
    quota.admit({"org": "a"}, {}, 0.0)
    assert isinstance(quota.admit({"org": "b"}, {}, 0.0), Denial)


def test_settling_books_the_difference() -> None:
    quota = Quota([Limit("tokens", "tokens", 1000)])
    rule = COST_RULES["reserve_then_settle_x5"]
    grant = quota.admit(SCOPE, rule(Usage(100, max_tokens=400)), 0.0)
    assert isinstance(grant, Grant)
    assert (quota.standing("tokens", SCOPE, 0.0) or pytest.fail()).remaining == 500
    grant.settle(rule(Usage(100, max_tokens=400, output=20)), 0.0)
    assert (quota.standing("tokens", SCOPE, 0.0) or pytest.fail()).remaining == 800


def test_output_limit_refuses_once_in_debt() -> None:
    quota = Quota([Limit("output_tokens", "output_tokens", 100)])
    rule = COST_RULES["input_and_output"]
    grant = quota.admit(SCOPE, rule(Usage(10, max_tokens=5000)), 0.0)
    assert isinstance(grant, Grant), "max_tokens does not count"
    grant.settle(rule(Usage(10, output=150)), 0.0)
    denial = quota.admit(SCOPE, rule(Usage(10)), 0.0)
    assert isinstance(denial, Denial) and denial.wait_s == pytest.approx(30.0)


def test_a_place_is_left_once() -> None:
    quota = Quota([Limit("concurrency", "requests", 2, algorithm="concurrency")])
    first, second = quota.admit(SCOPE, {}, 0.0), quota.admit(SCOPE, {}, 0.0)
    assert isinstance(first, Grant) and isinstance(second, Grant)
    assert isinstance(quota.admit(SCOPE, {}, 0.0), Denial)
    first.leave(1.0)
    first.leave(1.0)
    assert isinstance(quota.admit(SCOPE, {}, 1.0), Grant)
    assert isinstance(quota.admit(SCOPE, {}, 1.0), Denial)


def test_sub_window_refuses_a_burst_that_the_minute_would_allow() -> None:
    minute = Limit("requests", "requests", 600)
    quota = Quota([minute, minute.sub_window(1)])
    answers = [quota.admit(SCOPE, {}, 100.0) for _ in range(11)]
    denial = answers[-1]
    assert all(isinstance(a, Grant) for a in answers[:10])
    assert isinstance(denial, Denial) and denial.limit.amount == 10 and denial.wait_s == pytest.approx(1.0)


def test_change_keeps_what_is_used_and_drain_fills_up() -> None:
    quota = Quota(limits(tpm=1000))
    quota.admit(SCOPE, {"tokens": 300}, 0.0)
    quota.change(limits(tpm=400), 0.0)
    assert (quota.standing("tokens", SCOPE, 0.0) or pytest.fail()).remaining == 100
    quota.drain(["tokens"], 0.0)
    denial = quota.admit(SCOPE, {"tokens": 100}, 0.0)
    assert isinstance(denial, Denial) and denial.wait_s == pytest.approx(15.0)


def test_a_drained_limit_is_drained_for_those_who_come_later_and_refills_from_then() -> None:
    quota = Quota(limits(tpm=600))
    quota.drain(["tokens"], 100.0)
    denial = quota.admit({"org": "new"}, {"tokens": 300}, 110.0)
    assert isinstance(denial, Denial) and denial.used == pytest.approx(500) and denial.wait_s == pytest.approx(20)
    assert isinstance(quota.admit({"org": "other"}, {"tokens": 300}, 130.0), Grant)


@given(st.integers(0, 5000), st.one_of(st.none(), st.integers(0, 5000)), st.integers(0, 5000))
def test_cost_rules_by_their_definitions(prompt: int, max_tokens: int | None, output: int) -> None:
    usage = Usage(prompt, max_tokens, output)
    asked = max_tokens or 0
    assert COST_RULES["max_of_estimate"](usage)["tokens"] == max(prompt, asked)
    assert COST_RULES["prompt_plus_max"](usage)["tokens"] == prompt + asked
    assert COST_RULES["max_or_16"](usage)["tokens"] == (16 if max_tokens is None else max_tokens)
    assert COST_RULES["actual"](usage)["tokens"] == prompt + output
    assert COST_RULES["reserve_then_settle"](Usage(prompt, max_tokens))["tokens"] == prompt + asked
