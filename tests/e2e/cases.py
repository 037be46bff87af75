"""Real runs of seconds: the command line as a child process, acted on from outside as an operator (or a fate) would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

TOKEN = "e2e-token"
PLAN = """\
target: copilot
journeys:
  ask: {{kind: chat, model: assistant, path: /v1/chat/completions}}
arrivals:
  seed: 7
  segments:
    - {{phase: warm, ramp: [0/s, {rate}/s], for: 3s}}
    - {{phase: peak, hold: {rate}/s, for: {seconds}s}}
prompts: {{sizes: {{in: 60, out: {tokens_out}}}}}
processes: {processes}
upstreams:
  llm/primary: {{mock: openai, preset: hosted-chat, tpm: 6M, rpm: 60k}}
  llm/fallback: {{mock: openai, preset: hosted-small}}
  vector: {{mock: qdrant}}
  tools: {{mock: tools}}
  copilot:
    mock: copilot
    upstreams: {{primary: llm/primary, fallback: llm/fallback, vector: vector, tools: tools}}
degraded: [header x-degraded]
slo:
  slos: {slos}
deadline: 15s
drain: 15s
smoke: true
"""
EASY = ["ttft p95 <= 3s", "e2e p95 <= 9s", "errors < 5%"]


def write_plan(folder: Path, **changes: Any) -> Path:
    """A plan against copilot on the mocks; what is not changed is easy to meet."""
    values = {"rate": 20, "seconds": 22, "tokens_out": 20, "processes": 1, "slos": json.dumps(EASY), **changes}
    path = folder / "plan.yaml"
    path.write_text(PLAN.format(**values))
    return path


@dataclass
class Running:
    """`peakproof run` under way."""

    process: subprocess.Popen[str]
    runs: Path

    def folder(self, within_s: float = 30.0) -> Path:
        """The run folder, once the load is announced."""
        found: list[Path] = []

        def look() -> bool:
            found[:] = [p.parent.parent for p in self.runs.glob("*/engine/job.json")]
            return bool(found)

        wait_for(look, within_s)
        return found[0]

    def admin(self) -> httpx.Client:
        ready = json.loads((self.folder() / "mocks" / "ready.json").read_text())
        return httpx.Client(base_url=ready["admin"], headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)

    def wait_fired(self, count: int, within_s: float = 40.0) -> None:
        """Until the spool holds that many rows: the load is under way."""
        folder = self.folder()
        wait_for(lambda: sum(p.stat().st_size for p in folder.glob("engine/*.spool")) >= count * 80, within_s)

    def engine_workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [c for c in children if "harness.engine.node" in c.cmdline() and "worker" in c.cmdline()]

    def finish(self, within_s: float = 90.0) -> tuple[int, dict[str, Any], str]:
        """Exit code, the verdict printed as JSON, and what was said on stderr."""
        out, err = self.process.communicate(timeout=within_s)
        return self.process.returncode, json.loads(out) if out.strip() else {}, err


def start(plan: Path, *arguments: str, env: Mapping[str, str] | None = None, group: bool = False) -> Running:
    """With `group` the command leads a process group of its own, as in a terminal."""
    runs = plan.parent / "runs"
    command = [sys.executable, "-c", "import sys; from harness.cli.app import main; sys.exit(main())"]
    process = subprocess.Popen(
        [*command, "run", str(plan), "--runs", str(runs), "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PEAKPROOF_MOCK_TOKEN": TOKEN, **(env or {})},
        start_new_session=group,
    )
    return Running(process, runs)


DISTURBED = frozenset({"send_lag", "loop_lag", "cpu", "late_sends", "mock_pacing", "arrivals", "clock"})
"""Gates by which a run says that this machine was too busy. The advice is to run again, so the tests do."""


def judged(folder: Path, act: Callable[[Running], None] | None = None, **changes: Any) -> Judged:
    """A run of the plan with `changes`, acted on by `act`. Runs again, at most twice, where the verdict is that the
    machine disturbed the measurement, and nothing else."""
    for attempt in ("first", "second", "third"):
        (folder / attempt).mkdir()
        run = start(write_plan(folder / attempt, **changes))
        if act is not None:
            act(run)
        code, verdict, err = run.finish()
        reasons = set(verdict.get("reasons", ()))
        if verdict.get("verdict") != "INVALID" or not reasons or not reasons <= DISTURBED:
            break
    return Judged(code, verdict, err, run)


@dataclass
class Judged:
    """A run that ended: exit code, verdict.json, what was said on stderr."""

    code: int
    verdict: dict[str, Any]
    err: str
    run: Running

    @property
    def words(self) -> tuple[str, int]:
        return self.verdict["verdict"], self.code

    @property
    def told(self) -> tuple[Any, str]:
        """For assertion messages."""
        return self.verdict.get("reasons"), self.err


def wait_for(condition: Any, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def check_named(verdict: Mapping[str, Any], start_of_slo: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in verdict["checks"] if c["slo"].startswith(start_of_slo))
    return found
