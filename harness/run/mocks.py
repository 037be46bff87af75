"""The mocks that a plan starts and controls: a separate program, reached by process and by HTTP, never by import."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from harness.errors import RefusedError
from harness.guard.children import end, spawn

TOKEN_VARIABLE = "PEAKPROOF_MOCK_TOKEN"  # noqa: S105 -- the name of a variable
READY_WITHIN_S = 20.0
GRACE_S = 4.0
LOG_PAGE = 10_000


@dataclass(frozen=True)
class MockFleet:
    """Running mocks: where they listen, and their admin API."""

    child: subprocess.Popen[bytes]
    admin: httpx.Client
    urls: Mapping[str, str]
    folder: Path

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    def counts(self) -> dict[str, Any]:
        """Per service: what the mock itself counted. Empty when the mocks no longer answer."""
        try:
            answer = self.admin.get("/counts")
            answer.raise_for_status()
        except httpx.HTTPError:
            return {}
        counts: dict[str, Any] = answer.json()
        return counts

    def keep_evidence(self) -> dict[str, Any]:
        """Store counts and the request log in the run folder, so that the analysis can be rerun without the mocks."""
        counts = self.counts()
        (self.folder / "counts.json").write_bytes(orjson.dumps(counts, option=orjson.OPT_INDENT_2))
        with (self.folder / "log.jsonl").open("wb") as log:
            for entry in self._log():
                log.write(orjson.dumps(entry) + b"\n")
        return counts

    def _log(self) -> Iterator[Any]:
        after = 0
        while True:
            try:
                answer = self.admin.get("/log", params={"after": after, "limit": LOG_PAGE})
                answer.raise_for_status()
            except httpx.HTTPError:
                return
            page = answer.json()
            if not page["log"]:
                return
            yield from page["log"]
            after = page["next_after"]


@contextmanager
def running_mocks(config: Mapping[str, Any], folder: Path) -> Iterator[MockFleet]:
    """Start every service of `config` (docs/architecture.md, mocks.json), yield it ready, and end it whatever happens.

    Raises RefusedError with the mock's own last words where a service does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ready_file = folder / "ready.json"
    (folder / "mocks.json").write_bytes(orjson.dumps(config, option=orjson.OPT_INDENT_2))
    token = secrets.token_urlsafe(24)
    child = spawn(
        _argv(folder / "mocks.json", ready_file),
        env={**os.environ, TOKEN_VARIABLE: token},
        stderr=folder / "mocks.log",
    )
    try:
        ready = _wait_ready(child, ready_file, folder / "mocks.log")
        client = httpx.Client(
            base_url=ready["admin"], headers={"Authorization": f"Bearer {token}"}, timeout=5.0, trust_env=False
        )
        with client:
            yield MockFleet(child=child, admin=client, urls=ready["services"], folder=folder)
    finally:
        end(child, GRACE_S)


def _argv(config: Path, ready_file: Path) -> Sequence[str]:
    return [sys.executable, "-m", "mock_services", "up", "--config", str(config), "--ready-file", str(ready_file)]


def _wait_ready(child: subprocess.Popen[bytes], ready_file: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if ready_file.exists():
            ready: dict[str, Any] = orjson.loads(ready_file.read_bytes())
            return ready
        if child.poll() is not None:
            raise RefusedError(f"the mocks ended before they were ready: {_last_words(log)}")
        time.sleep(0.02)
    raise RefusedError(f"the mocks were not ready within {READY_WITHIN_S:.0f} s: {_last_words(log)}")


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"nothing in {log}"
