"""Rows 0, 15 to 23, 48 and 54: nothing wrong, what is counted, what is enough, and what was kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.run.selftest import answers, hands
from harness.run.selftest.answers import honest
from harness.run.selftest.lie import Lie, Look, Seen
from harness.run.selftest.stage import Play
from harness.run.selftest.streams import drip, endless, honest_stream

CHAT = {"ask": {"kind": "chat", "model": "any"}}


def ends_within(seconds: float) -> Look:
    def look(seen: Seen) -> str:
        return "" if seen.took_s <= seconds else f"the run took {seen.took_s:.0f} s, {seconds:.0f} s were enough"

    return look


def _no_figure(seen: Seen) -> str:
    figures = [c["value"] for c in seen.verdict["checks"] if "long" in c["slo"]]
    return "" if figures == [None] else f"a figure without any data: {figures}"


def _censored(seen: Seen) -> str:
    value = seen.verdict["checks"][0]["value"]
    return "" if value == "inf" else f"p95 reads {value}, but nobody saw it end"


def _spoiled(row: str, planted: str, after: Callable[[Path], None]) -> Lie:
    """A whole run, whose folder is altered afterwards and judged again."""
    return Lie(row, planted, ("INVALID",), ("spool", "ledger"), after=after, seconds=4)


FIGURES: tuple[Lie, ...] = (
    Lie(
        "15",
        "every answer takes 1,049 ms, promised are 1,000 (coarse histograms)",
        ("FAIL",),
        ("e2e",),
        play=lambda: Play(answers.late(1.049)),
        slos=("e2e p95 <= 1s",),
    ),
    Lie("17a", "30 requests for a p99", ("INCONCLUSIVE",), rate=4, slos=("e2e p99 <= 4s",)),
    Lie(
        "17b",
        "the same target, requests enough",
        ("PASS",),
        rate=250,
        slos=("e2e p99 <= 4s",),
        seconds=16,
    ),
    Lie(
        "18",
        "an SLO on a journey that never ran",
        ("INVALID",),
        ("no_data",),
        slos=("e2e p95 <= 4s", "e2e p95 <= 4s where journey=long"),
        plan={
            "journeys": {"ask": {"kind": "http", "path": "/a"}, "long": {"kind": "http", "path": "/b", "weight": 1e-6}}
        },
        look=_no_figure,
    ),
    Lie(
        "19",
        "one in five is never answered, the rest is fast",
        ("FAIL",),
        ("e2e",),
        ("timeout",),
        play=lambda: Play(answers.silent(0.2)),
    ),
    Lie(
        "20",
        "30 % instant 429, which pull every percentile down",
        ("FAIL",),
        ("e2e",),
        ("throttled",),
        play=lambda: Play(answers.throttling(0.3)),
        seconds=5,
    ),
    Lie(
        "21",
        "one in five hangs, the timeout is the SLO's own limit",
        ("FAIL",),
        ("e2e",),
        ("timeout",),
        play=lambda: Play(answers.silent(0.2)),
        slos=("e2e p95 <= 2s",),
        look=_censored,
    ),
    Lie(
        "22a",
        "a body that drips for ever",
        ("FAIL",),
        ("e2e",),
        ("timeout",),
        play=lambda: Play(drip),
        look=ends_within(25),
    ),
    Lie(
        "22b",
        "a stream without end",
        ("FAIL",),
        ("e2e",),
        ("timeout",),
        play=lambda: Play(endless),
        plan={"journeys": CHAT, "prompts": {"sizes": {"in": 10, "out": 3}}},
        look=ends_within(25),
    ),
    Lie(
        "23a",
        "30 % are still unanswered when the load stops",
        ("FAIL",),
        ("e2e",),
        play=lambda: Play(answers.silent(0.3)),
        plan={"deadline": "30s", "idle_limit": "30s", "drain": "1s"},
        outcomes=("cancelled",),
    ),
    Lie(
        "23b",
        "a worker forgets what did not come back",
        ("INVALID",),
        ("ledger",),
        play=lambda: Play(answers.silent(0.3)),
        plant="forgotten_rows",
    ),
    Lie(
        "48a",
        "the target is cold through most of the phase",
        ("INVALID",),
        ("warm_up",),
        play=lambda: Play(answers.settling(2.0, 0.5, over_s=15.0)),
        slos=("e2e p95 <= 8s",),
        seconds=22,
        plan={"deadline": "10s", "idle_limit": "10s", "drain": "5s"},
    ),
    Lie("48b", "a plateau too short for a release", ("INCONCLUSIVE",), ("COVERAGE",), rate=120, plan={"smoke": False}),
    _spoiled("54a", "one bit of the result file is flipped", hands.flip_a_byte),
    _spoiled("54b", "the result file is cut in the middle", hands.cut(0.5)),
    _spoiled("54c", "the result file ends before its end mark", hands.cut(0.999)),
    _spoiled("54d", "a result file is gone", hands.drop_a_file),
    _spoiled("54e", "arrivals vanish from the plan", hands.spare_a_plan),
)

HEALTHY: tuple[Lie, ...] = (
    Lie(
        "0a",
        "nothing at all: an honest target, an honest run",
        ("PASS",),
        outcomes=("ok",),
        play=lambda: Play(honest),
        rate=100,
        slos=("e2e p75 <= 4s", "errors < 10%"),
    ),
    Lie(
        "0b",
        "nothing at all: honest streams, two workers, new users, every gate declared",
        ("PASS",),
        outcomes=("ok",),
        play=lambda: Play(honest_stream),
        rate=100,
        slos=("ttft p75 <= 4s", "errors < 10%"),
        plan={
            "journeys": CHAT,
            "prompts": {"sizes": {"in": 10, "out": 8}, "lengths": "kept", "cached": 0},
            "connections": "30%",
            "processes": 2,
        },
    ),
)
"""What the lies are held against: a detector that cries at these would cry at anything."""
