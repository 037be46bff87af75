"""Rows 30 to 41 and 53: what a target, its proxies and its clients do to an answer."""

from __future__ import annotations

from harness.run.selftest import answers
from harness.run.selftest.lie import Lie, Seen
from harness.run.selftest.stage import Play, Serve

_CHAT = {"journeys": {"ask": {"kind": "chat", "model": "any", "stream": False}}}
_SIZES = {"sizes": {"in": 10, "out": 40}}
_ERRORS = ("errors < 5%", "e2e p95 <= 4s")


def _cut(row: str, planted: str, serve: Serve, outcome: str) -> Lie:
    return Lie(row, planted, ("FAIL",), ("errors",), (outcome,), lambda: Play(serve), slos=_ERRORS, seconds=5)


def _throttled_is_no_capacity(seen: Seen) -> str:
    if seen.verdict["capacity"]["disproven"] is not None:
        return "a limiter's answers became a capacity figure"
    said = f"{seen.verdict['first_cause']} {seen.verdict['why']}".lower()
    return "" if "429" in said or "throttl" in said else f"the cause is not named: {said}"


def _attempts_are_seen(seen: Seen) -> str:
    counted, planned = sum(seen.stage.by_host.values()), seen.verdict["judged_count"]
    return "" if counted > 1.2 * planned else f"the client did not try again: {counted} of {planned}"


TARGET: tuple[Lie, ...] = (
    Lie(
        "34a",
        "a cache in front of the target answers repeated prompts, in silence",
        ("INVALID",),
        ("repeated_prompts",),
        play=lambda: Play(answers.caching(says_so=False)),
        plan={**_CHAT, "prompts": "prompts.jsonl"},
        seconds=10,
    ),
    Lie(
        "34b",
        "a cache that says so, where none was declared",
        ("INVALID",),
        ("cache_share",),
        play=lambda: Play(answers.caching(says_so=True)),
        plan={**_CHAT, "prompts": "prompts.jsonl"},
        seconds=10,
    ),
    _cut("30a", "half of the body that content-length promised", answers.short_body, "truncated"),
    _cut("30b", "a chunk shorter than its size", answers.short_chunk, "truncated"),
    _cut("30c", "a reset inside the body", answers.reset_body, "truncated"),
    _cut("31", "gzip without its last 20 bytes", answers.short_gzip, "truncated"),
    _cut("32", "an error in a trailer", answers.error_trailer, "server_error"),
    _cut("33", "a redirect to a login page", answers.redirect, "client_error"),
    Lie(
        "36",
        "answers that belong to another request",
        ("FAIL",),
        ("errors",),
        ("wrong_shape",),
        play=lambda: Play(answers.swapping()),
        seconds=5,
        slos=_ERRORS,
        plan={
            "journeys": {"ask": {"kind": "http", "path": "/ask", "body": '{"n": "{{nonce}}"}', "expect_nonce": True}}
        },
    ),
    Lie(
        "37",
        "a client that retries 429s in silence: one request in four",
        ("FAIL",),
        ("amplification",),
        play=lambda: Play(answers.throttling_tries(4)),
        slos=("e2e p95 <= 4s", "errors < 5%", "amplification <= 1.1x"),
        plant="retrying",
        look=_attempts_are_seen,
    ),
    Lie(
        "38",
        "a client that sleeps as Retry-After says",
        ("FAIL",),
        ("e2e",),
        play=lambda: Play(answers.throttling(0.3, "2", per_arrival=False)),
        slos=("e2e p95 <= 1s",),
        plant="patient",
        plan={"deadline": "6s"},
    ),
    Lie(
        "39",
        "the target closes connections that were idle for 1 s, requests come each 1.0 s",
        ("PASS", "INCONCLUSIVE"),
        play=lambda: Play(answers.honest, idle_s=1.0),
        slos=("errors < 20%", "e2e p50 <= 4s"),
        rate=2,
        seconds=20,
    ),
    Lie(
        "53",
        "a limiter in front of the app answers 429",
        ("FAIL",),
        ("e2e",),
        ("throttled",),
        play=lambda: Play(answers.per_source(25)),
        look=_throttled_is_no_capacity,
    ),
    Lie(
        "35",
        "five tokens where production has forty",
        ("INVALID",),
        ("answer_length",),
        play=lambda: Play(answers.curt),
        plan={**_CHAT, "prompts": {**_SIZES, "lengths": "kept"}},
    ),
)
