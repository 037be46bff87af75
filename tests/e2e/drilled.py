"""Drills of seconds on mocks of their own: the command line as a child process, the injector asked from beside it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.cases import TOKEN, wait_for

MAIN = [sys.executable, "-c", "import sys; from harness.cli.app import main; sys.exit(main())"]
ENV = {**os.environ, "PEAKPROOF_MOCK_TOKEN": TOKEN, "NO_COLOR": "1", "MODEL_KEY": "Bearer drill"}
PLAN = """\
target: {target}
journeys: {{ask: {{kind: chat, model: any}}}}
headers: {{authorization: "${{env:MODEL_KEY}}"}}
arrivals: {{seed: 3, segments: [{{phase: peak, hold: {rate}/s, for: 5s}}]}}
prompts: {{sizes: {{in: 20, out: 4}}}}
slo: {{slos: [e2e p95 <= 20s]}}
deadline: 10s
drain: 10s
smoke: true
"""


@dataclass(frozen=True)
class Mocks:
    """One mock model in a process of its own."""

    process: subprocess.Popen[bytes]
    admin_url: str
    target: str

    def admin(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.admin_url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=5
        )

    def faults(self) -> list[dict[str, Any]]:
        with self.admin() as client:
            return list(client.get("/faults").json()["faults"])

    def reverted(self) -> list[dict[str, Any]]:
        with self.admin() as client:
            return list(client.get("/faults").json()["reverted"])

    def last_request_s(self) -> float:
        """When the last request of a run began, by the host's monotonic clock."""
        with self.admin() as client:
            log = client.get("/log", params={"after": 0, "limit": 10_000}).json()["log"]
        return max(float(entry["started_s"]) for entry in log if entry.get("run"))


@contextlib.contextmanager
def mock_model(folder: Path) -> Iterator[Mocks]:
    folder.mkdir(parents=True, exist_ok=True)
    ready_file = folder / "ready.json"
    config = {"run_id": "", "seed": 1, "services": [{"name": "llm", "mock": "openai", "port": 0}]}
    (folder / "mocks.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "mock_services", "up", "--config", str(folder / "mocks.json")]
    process = subprocess.Popen([*command, "--ready-file", str(ready_file)], env=ENV)
    try:
        wait_for(ready_file.exists, 20)
        ready = json.loads(ready_file.read_text())
        yield Mocks(process, ready["admin"], ready["services"]["llm"])
    finally:
        process.terminate()
        process.wait(10)


def write_drill(folder: Path, mocks: Mocks, *, rate: int = 15, **fields: Any) -> Path:
    """A drill on the mock model: a second of baseline, then its answers are late for a long time, unless `fields` say
    otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.yaml").write_text(PLAN.format(target=mocks.target, rate=rate))
    drill: dict[str, Any] = {
        "title": "A late model",
        "plan": "plan.yaml",
        "injector": mocks.admin_url,
        "ttl": "2s",
        "load": {"rate": f"{rate}/s", "warm": "500ms", "tail": "500ms"},
        "steady_state": {"for": "1s"},
        "faults": [{"on": "llm", "fault": "latency", "add_ms": 200, "for": "60s"}],
        "expect": {"recovered": {"within": "3s"}},
    }
    path = folder / "drill.yaml"
    path.write_text(json.dumps({**drill, **fields}))
    return path


@dataclass(frozen=True)
class Drilling:
    """`peakproof drill run` under way."""

    process: subprocess.Popen[str]
    runs: Path

    def wait_fault(self, mocks: Mocks) -> None:
        """Until the drill's own fault is in force; those that it only tries out have a TTL of a second."""
        wait_for(lambda: [f for f in mocks.faults() if f["ttl_s"] > 1] or self.process.poll() is not None, 90)
        assert self.process.poll() is None, self.process.communicate()

    def finish(self, within_s: float = 60.0) -> tuple[int, dict[str, Any], str]:
        out, err = self.process.communicate(timeout=within_s)
        return self.process.returncode, json.loads(out) if out.strip() else {}, err


def drill(path: Path, runs: Path | None = None, env: Mapping[str, str] | None = None) -> Drilling:
    runs = runs or path.parent / "runs"
    process = subprocess.Popen(
        [*MAIN, "drill", "run", str(path), "--runs", str(runs), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**ENV, **(env or {})},
    )
    return Drilling(process, runs)


def peakproof(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAIN, *arguments], env=ENV, capture_output=True, text=True, timeout=60, check=False)


def now_s() -> float:
    return time.monotonic()
