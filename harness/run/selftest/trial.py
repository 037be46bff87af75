"""Trying a row: its server, its plan, a run of the command line as anyone would start it, and what came of it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.run.selftest import clocks
from harness.run.selftest.apart import try_apart
from harness.run.selftest.lie import Acting, Finding, Lie, Seen, held_against, was_disturbed
from harness.run.selftest.stage import staged

PROMPTS = "prompts.jsonl"
PLANTS = Path(__file__).resolve().parent / "plants"
_LONGEST_S = 150.0
_TRIES = 3
"""A busy machine spoils a run, and the run says so: then it is run again."""
_HAND = "hand.txt"
_MAIN = "import sys; from harness.cli.app import main; sys.exit(main())"


def try_all(lies: Sequence[Lie], folder: Path | None, jobs: int) -> Iterator[Finding]:
    """Tries each row, `jobs` at a time, and yields what it came to in the rows' order. Run folders are kept under
    `folder` where one is given."""
    with tempfile.TemporaryDirectory(prefix="peakproof-selftest-") as spare, ThreadPoolExecutor(jobs) as pool:
        root = folder or Path(spare)
        try:
            yield from pool.map(lambda lie: try_one(lie, root / f"row-{lie.row}"), lies)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C reaches the runs under way as well: they end too
            raise


def try_one(lie: Lie, folder: Path) -> Finding:
    """One row, in `folder` (made anew), and in a namespace of its own where it wants one."""
    if lie.lying_clock and clocks.compiler() is None:
        return Finding(lie, "-", "no C compiler for the clock that lies", skipped=True)
    return try_apart(lie, folder) if lie.apart else try_here(lie, folder)


def try_here(lie: Lie, folder: Path) -> Finding:
    """One row on the machine as it is; again where the machine disturbed it."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            seen = _carry(lie, folder)
        except (OSError, TimeoutError, subprocess.SubprocessError, RuntimeError) as error:
            return Finding(lie, "-", f"{type(error).__name__}: {error}")
        trouble = _not_planted(folder) or held_against(lie, seen)
        if not trouble or not was_disturbed(lie, seen):
            break
    else:
        trouble = f"this machine was too busy to show it, {_TRIES} times: {trouble}"
        return Finding(lie, seen.word, trouble, skipped=True, reasons=seen.reasons)
    return Finding(lie, seen.word, trouble, reasons=seen.reasons)


def furnish(lie: Lie, folder: Path, target: str) -> Path:
    """Write the row's plan, and what it names, into `folder`; returns the plan's path."""
    plan = folder / "plan.yaml"
    plan.write_text(lie.plan_text(target))
    if lie.plan.get("prompts") == PROMPTS:
        (folder / PROMPTS).write_text("".join(f'"tell me about number {n}"\n' for n in range(300)))
    if lie.plant:
        shutil.copyfile(PLANTS / f"{lie.plant}.py", folder / f"{lie.plant}.py")
    return plan


def _carry(lie: Lie, folder: Path) -> Seen:
    with staged(lie.play()) as stage:
        plan = furnish(lie, folder, f"http://{lie.host}:{stage.port}")
        runs = folder / "runs"
        began = time.monotonic()
        verdict, code = _command(["run", str(plan), "--runs", str(runs), "--json"], folder, lie, runs)
        took_s = time.monotonic() - began
    run = next((p.parent for p in runs.glob("*/manifest.json")), folder)
    if lie.after:
        lie.after(run)
        verdict, code = _command(["analyze", str(run), "--json"], folder, lie, None)
    return Seen(verdict, code, run, took_s, stage)


def _command(arguments: list[str], folder: Path, lie: Lie, runs: Path | None) -> tuple[dict[str, Any], int]:
    """Runs one command to its end: the verdict that it printed ({} for none), and its exit code."""
    lying = clocks.environment(folder) if lie.lying_clock and runs else {}
    with (folder / "stderr.txt").open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
            [sys.executable, "-c", _MAIN, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "NO_COLOR": "1", **lying},
            preexec_fn=_limited(lie.descriptors) if lie.descriptors else None,  # noqa: PLW1509 -- it calls one function
        )
    hand = (
        threading.Thread(target=_act, args=(lie.hand, Acting(process.pid, runs)), daemon=True)
        if lie.hand and runs
        else None
    )
    if hand:
        hand.start()
    try:
        out, _ = process.communicate(timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise TimeoutError(f"the run was not over after {_LONGEST_S:.0f} s") from None
    if hand:
        hand.join(5.0)
    return (json.loads(out) if out.strip() else {}), process.returncode


def _act(hand: Callable[[Acting], None], acting: Acting) -> None:
    try:
        hand(acting)
    except Exception as error:  # whatever kept the hand from it: a defect that was not planted was not caught either
        (acting.runs.parent / _HAND).write_text(f"{type(error).__name__}: {error}")


def _not_planted(folder: Path) -> str:
    told = folder / _HAND
    return f"the defect could not be planted: {told.read_text()}" if told.exists() else ""


def _limited(descriptors: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
