"""Rows 52 and 56: our own mock is the bottleneck, and two runs share a target. Rows 50 and 51 need drills: they are
real ones in tests/e2e/test_drill_faults.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import psutil

from harness.errors import ExitCode
from harness.run.selftest.lie import Acting, Lie, Seen, wait_for

SECOND = "second.txt"
_STARVED_S, _BREATH_S, _TIMES = 0.12, 0.08, 20


def starve_the_mock(run: Acting) -> None:
    """The mock has a core for two fifths of the time: ten times its limit, without ten times the load."""
    ready = run.folder() / "mocks" / "ready.json"
    mock = psutil.Process(int(json.loads(wait_for(lambda: ready.read_text() if ready.exists() else None))["pid"]))
    run.wait_fired(60)
    for _ in range(_TIMES):
        mock.suspend()
        time.sleep(_STARVED_S)
        mock.resume()
        time.sleep(_BREATH_S)


def second_run(run: Acting) -> None:
    """The same plan once more, into a folder of runs of its own, while the first one loads its target."""
    run.wait_fired(60)
    folder = run.runs.parent
    main = "import sys; from harness.cli.app import main; sys.exit(main())"
    done = subprocess.run(  # noqa: S603 -- our own interpreter and module
        [sys.executable, "-c", main, "run", str(folder / "plan.yaml"), "--runs", str(folder / "others")],
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (folder / SECOND).write_text(f"{done.returncode} {done.stderr}")


def _second_is_refused(seen: Seen) -> str:
    path = seen.folder.parent.parent / SECOND
    said = path.read_text() if path.exists() else "it was not started in time"
    refused = said.startswith(f"{int(ExitCode.REFUSED)} ") and "another run is loading" in said
    return "" if refused else f"the second run was not refused: {said[:200]}"


DRILLS: tuple[Lie, ...] = (
    Lie(
        "52",
        "our own mock gets 40 % of a core for 4 s",
        ("INVALID",),
        ("mock_pacing",),
        hand=starve_the_mock,
        slos=("e2e p95 <= 20s", "gap p95 <= 5s"),  # a promise on single tokens: no pacing is forgiven
        rate=30,
        plan={
            "target": "llm",
            "journeys": {"ask": {"kind": "chat", "model": "any"}},
            "headers": {"authorization": "${env:PEAKPROOF_SELFTEST_KEY}"},
            "prompts": {"sizes": {"in": 10, "out": 10}},
            "upstreams": {"llm": {"mock": "openai", "preset": "hosted-small"}},
            "deadline": "10s",
        },
    ),
    Lie(
        "56",
        "a second run starts on the same target",
        ("PASS", "INCONCLUSIVE"),
        hand=second_run,
        look=_second_is_refused,
        seconds=16,
    ),
)
