"""Rows 1 to 14 and 49: the load model, the generator and its workers."""

from __future__ import annotations

import re

from harness.run.selftest import answers, hands
from harness.run.selftest.lie import Lie, Seen
from harness.run.selftest.stage import Play
from harness.run.selftest.streams import honest_stream


def _refused(seen: Seen) -> str:
    return "" if "refused" in seen.notes() else f"nothing was refused: {seen.notes() or 'no note'}"


def _all_refused(seen: Seen) -> str:
    count = sum(int(times or 1) for times in re.findall(r"refused a[^;(]*(?:\((\d+) times\))?", seen.notes()))
    return "" if count >= 10 else f"of 12 malformed frames {count} were refused: {seen.notes() or 'no note'}"


ENGINE: tuple[Lie, ...] = (
    Lie(
        "1",
        "the target freezes for 2.5 s every 4 s (coordinated omission)",
        ("FAIL",),
        because=("e2e",),
        play=lambda: Play(answers.freezing(4.0, 2.5)),
        slos=("e2e p95 <= 1s",),
        seconds=12,
        plan={"deadline": "5s", "idle_limit": "5s"},
    ),
    Lie(
        "2",
        "one request in flight at most, 10/s planned, 500 ms each",
        ("INVALID",),
        because=("late_sends",),
        play=lambda: Play(answers.late(0.5)),
        rate=10,
        slos=("e2e p95 <= 2s",),
        plan={"limits": {"in_flight": 1}},
    ),
    Lie(
        "3",
        "ten closed-loop users sold as 50/s, answers take 1 s",
        ("INVALID", "FAIL"),
        ("late_sends", "e2e"),
        play=lambda: Play(answers.late(1.0)),
        slos=("e2e p95 <= 3s",),
        plant="ten_users",
        plan={"deadline": "10s", "drain": "5s", "limits": {"in_flight": 100}},
    ),
    Lie(
        "4",
        "a pool of 10 for 100/s, answers take 1 s",
        ("INVALID",),
        because=("late_sends",),
        play=lambda: Play(answers.late(1.0)),
        rate=100,
        slos=("e2e p95 <= 3s",),
        plan={"limits": {"in_flight": 10}},
    ),
    Lie(
        "5",
        "every send later than the one before, at the planned mean rate",
        ("INVALID",),
        ("send_lag",),
        plant="growing_lag",
    ),
    Lie(
        "6",
        "a thread of the worker burns its processor",
        ("INVALID",),
        ("cpu", "loop_lag", "send_lag"),
        plant="burning",
        seconds=10,
    ),
    Lie(
        "7a",
        "the worker is stopped for 3 s (SIGSTOP)",
        ("INVALID",),
        ("late_sends", "send_lag"),
        hand=hands.stand_still(3.0),
        seconds=10,
    ),
    Lie(
        "7b",
        "the worker is stopped for 7 s",
        ("INVALID",),
        ("telemetry", "late_sends"),
        hand=hands.stand_still(7.0),
        seconds=14,
    ),
    Lie(
        "7c",
        "the worker's collector walks a large heap",
        ("INVALID",),
        ("loop_lag", "send_lag"),
        plant="heavy_garbage",
        seconds=10,
    ),
    Lie(
        "8",
        "a streaming client that works 1 ms on every piece",
        ("INVALID",),
        ("loop_lag", "send_lag", "cpu"),
        play=lambda: Play(honest_stream),
        plant="busy_reader",
        slos=("e2e p95 <= 3s",),
    ),
    Lie(
        "9",
        "one of two workers is killed (kill -9)",
        ("INVALID",),
        ("workers",),
        ("lost_with_worker",),
        hand=hands.kill_workers(1),
        plan={"processes": 2},
    ),
    Lie("10a", "all workers are killed", ("INVALID",), ("workers",), hand=hands.kill_workers(2), plan={"processes": 2}),
    Lie("10b", "the master is killed", ("INVALID",), ("workers", "complete"), hand=hands.kill_master),
    Lie(
        "11",
        "a ghost worker joins and reports",
        ("PASS",),
        hand=hands.ghost,
        seconds=10,
        slos=("e2e p75 <= 4s",),
        look=_refused,
    ),
    Lie(
        "12a",
        "a worker reports a million answers nobody saw",
        ("INVALID",),
        ("ledger", "workers"),
        plant="lying_counts",
    ),
    Lie("12b", "a worker writes rows twice", ("INVALID",), ("ledger",), plant="doubled_rows", seconds=4),
    Lie(
        "13",
        "15 kinds of malformed frames at the master's door",
        ("PASS",),
        slos=("e2e p75 <= 4s",),
        hand=hands.malformed,
        seconds=14,
        look=_all_refused,
    ),
    Lie(
        "14",
        "every answer of one of two workers is slow (averaged percentiles)",
        ("FAIL",),
        ("e2e",),
        play=lambda: Play(answers.slow_for(3.0)),
        slos=("e2e p95 <= 2s",),
        plan={"processes": 2, "deadline": "5s", "idle_limit": "5s", "drain": "5s"},
    ),
    Lie(
        "49",
        "the worker that holds the long prompts is not there",
        ("INVALID", "FAIL"),
        ("mix", "late_sends"),
        plant="wrong_mix",
        plan={"journeys": {}},
    ),
)
