"""Rows 24 to 29: answers that are none though the status says 200, and what is counted in a stream."""

from __future__ import annotations

from statistics import median

from harness.run.selftest import answers
from harness.run.selftest import streams as s
from harness.run.selftest.lie import Lie, Seen
from harness.run.selftest.stage import Play, Serve

_PLAN = {
    "journeys": {"ask": {"kind": "chat", "model": "any"}},
    "prompts": {"sizes": {"in": 10, "out": 3}},
}
_SLOS = ("ttft p95 <= 4s", "errors < 5%")


def _stream(row: str, planted: str, serve: Serve, outcome: str) -> Lie:
    reasons = ("ttft", "errors")
    return Lie(row, planted, ("FAIL",), reasons, (outcome,), lambda: Play(serve), slos=_SLOS, plan=_PLAN, seconds=5)


def _first_token_is_late(seen: Seen) -> str:
    value = seen.verdict["checks"][0]["value"]
    return "" if value is not None and 1.9 < float(value) < 3 else f"ttft reads {value}, the first token came after 2 s"


def _tokens_are_counted(seen: Seen) -> str:
    true, value = median(seen.stage.stamps), seen.verdict["checks"][0]["value"]
    near = value is not None and abs(float(value) / true - 1) < 0.05
    return "" if near else f"{value} s a token, the server's own clock says {true}"


STREAMS: tuple[Lie, ...] = (
    Lie(
        "24",
        "HTTP 200 with an error in the body",
        ("FAIL",),
        ("errors",),
        ("server_error",),
        play=lambda: Play(answers.error_in_200),
        seconds=5,
        slos=("e2e p95 <= 4s", "errors < 5%"),
        plan={**_PLAN, "journeys": {"ask": {"kind": "chat", "model": "any", "stream": False}}},
    ),
    _stream(
        "25",
        "an error inside the stream, then [DONE]",
        s.broken_stream(s.chunk(s.ERROR + s.DONE) + s.END),
        "server_error",
    ),
    _stream("26a", "a stream that ends in order, but before its end", s.broken_stream(s.END), "truncated"),
    _stream("26b", "a stream whose connection closes", s.broken_stream(b""), "truncated"),
    _stream("26c", "a stream whose connection is reset", s.broken_stream(b"", reset=True), "truncated"),
    _stream("26d", "[DONE] without a finish reason", s.broken_stream(s.chunk(s.DONE) + s.END), "truncated"),
    _stream("27a", "[DONE] and nothing else", s.broken_stream(s.chunk(s.DONE) + s.END, role=False), "wrong_shape"),
    _stream(
        "27b",
        "a role, a finish reason, and no word",
        s.broken_stream(s.chunk(s.FINISH + s.DONE) + s.END, words=0),
        "wrong_shape",
    ),
    Lie(
        "28",
        "role, empty delta and comment at once, the first token after 2 s",
        ("FAIL",),
        ("ttft",),
        play=lambda: Play(s.late_first_token),
        slos=("ttft p95 <= 1s",),
        plan={**_PLAN, "deadline": "5s", "idle_limit": "5s"},
        look=_first_token_is_late,
    ),
    Lie(
        "29",
        "four tokens an event, events and characters cut across segments",
        ("PASS",),
        play=lambda: Play(s.fat_chunks),
        slos=("tpot p50 <= 20ms", "errors < 10%", "e2e p75 <= 4s"),
        plan={**_PLAN, "prompts": {"sizes": {"in": 10, "out": 40}}},
        look=_tokens_are_counted,
    ),
)
