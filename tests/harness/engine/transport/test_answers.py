"""Statuses and in-band errors in the row's terms."""

from __future__ import annotations

import pytest

from harness.engine.exchange import Exchange, Request
from harness.engine.transport.answers import GOOD, judge_answer, judge_status, settle
from harness.engine.transport.dialects import DIALECTS, judge_error
from harness.results import Outcome


def test_only_2xx_lets_the_body_decide() -> None:
    assert [s for s in range(200, 600) if judge_status(s) is None] == list(range(200, 300))


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"code": 429, "status": "RESOURCE_EXHAUSTED"}, Outcome.THROTTLED),
        ({"code": "429"}, Outcome.THROTTLED),
        ({"type": "tokens", "code": "rate_limit_exceeded"}, Outcome.THROTTLED),
        ({"type": "insufficient_quota"}, Outcome.THROTTLED),
        ({"type": "rate_limit_error"}, Outcome.THROTTLED),
        ({"type": "overloaded_error", "message": "rate_limit"}, Outcome.SERVER_ERROR),
        ({"code": 503}, Outcome.SERVER_ERROR),
        ({"message": "429 rate_limit quota"}, Outcome.SERVER_ERROR),
        ("ratelimited", Outcome.THROTTLED),
        ("boom", Outcome.SERVER_ERROR),
        ([1], Outcome.SERVER_ERROR),
        ({}, Outcome.SERVER_ERROR),
    ],
)
def test_an_errors_own_code_decides_never_its_prose(error: object, outcome: Outcome) -> None:
    assert judge_error(error) is outcome


def test_degraded_is_a_success_marked_and_a_failure_stays_one() -> None:
    exchange = Exchange(Request(b"GET", b"/"))
    exchange.degraded, exchange.events = 1, 3
    settle(exchange, GOOD, 7)
    assert (exchange.outcome, exchange.finished_ns, exchange.tokens_out) == (Outcome.DEGRADED, 7, 3)
    settle(exchange, judge_status(503) or GOOD, 8)
    assert exchange.outcome is Outcome.SERVER_ERROR


@pytest.mark.parametrize(("asked", "found"), [(True, "llm/fallback"), (False, "")])
def test_a_whole_answer_says_who_wrote_it(asked: bool, found: str) -> None:
    exchange = Exchange(Request(b"POST", b"/", dialect="openai"))
    body = b'{"choices":[{"message":{"content":"[served-by:llm/fallback] yes"},"finish_reason":"stop"}]}'
    assert judge_answer(exchange, DIALECTS["openai"], body, asked) == GOOD
    assert exchange.written_by == found
