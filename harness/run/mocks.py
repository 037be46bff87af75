"""The mocks that a plan starts and controls: a separate program, reached by process and by HTTP, never by import."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson

from harness.errors import Problem, RefusedError, UsageError
from harness.guard.children import end, spawn
from harness.run.mock_admin import TOKEN_VARIABLE, note_path, noted
from harness.run.signals import stopping

READY_WITHIN_S = 20.0
GRACE_S = 4.0
LOG_PAGE = 10_000
PLACES_FILE = "places.json"
TARGET_FILE = "target.json"


@dataclass(frozen=True)
class MockFleet:
    """Running mocks: where they listen, and their admin API."""

    child: subprocess.Popen[bytes]
    admin: httpx.Client
    admin_url: str
    token: str = field(repr=False)
    urls: Mapping[str, str]
    folder: Path

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    def counts(self) -> dict[str, Any]:
        """Per service: what the mock itself counted. Empty when the mocks no longer answer."""
        return counts_of(self.admin)

    def keep_evidence(self, run_id: str = "", target: str = "") -> dict[str, Any]:
        """Store counts and the request log in the run folder, so that the analysis can be rerun without the mocks;
        with `target`, the name of the service that is the target, its own count of the run's requests too."""
        counts = store_evidence(self.admin, self.folder)
        if (count := self._target_count(counts, run_id, target)) is not None:
            (self.folder / TARGET_FILE).write_bytes(orjson.dumps({"requests": count}))
        return counts

    def _target_count(self, counts: Mapping[str, Any], run_id: str, target: str) -> int | None:
        """What the target itself counted; None where it does not say (it died, or it is not one of ours)."""
        if target in counts:
            return int(counts[target]["requests"])
        if target not in self.urls:
            return None
        try:
            answer = httpx.get(f"{self.urls[target]}/counts", timeout=5.0, trust_env=False)
            answer.raise_for_status()
            return int(answer.json()["by_run"].get(run_id, {"requests": 0})["requests"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None


def counts_of(admin: httpx.Client) -> dict[str, Any]:
    """Per service: what the mock itself counted. Empty when the mocks no longer answer."""
    try:
        answer = admin.get("/counts")
        answer.raise_for_status()
    except httpx.HTTPError:
        return {}
    counts: dict[str, Any] = answer.json()
    return counts


def _places(admin: httpx.Client) -> dict[str, int]:
    """How many calls each service works on at once, by the settings in force; services without such a number are left
    out. Empty when the mocks no longer answer."""
    try:
        answer = admin.get("/services")
        answer.raise_for_status()
        services = answer.json()["services"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return {}
    found = {}
    for service in services:
        settings = service.get("settings") or {}
        inference = settings.get("inference") or {}
        batches = (inference.get("replicas") or 0) * (inference.get("max_batch") or 0)
        if places := settings.get("servers") or batches:
            found[service["name"]] = places
    return found


def store_evidence(admin: httpx.Client, folder: Path) -> dict[str, Any]:
    """Counts and request log of the mocks behind `admin`, as files of `folder`; returns the counts."""
    counts = counts_of(admin)
    (folder / PLACES_FILE).write_bytes(orjson.dumps(_places(admin), option=orjson.OPT_INDENT_2))
    (folder / "counts.json").write_bytes(orjson.dumps(counts, option=orjson.OPT_INDENT_2))
    with (folder / "log.jsonl").open("wb") as log:
        for entry in _log(admin):
            log.write(orjson.dumps(entry) + b"\n")
    return counts


def _log(admin: httpx.Client) -> Iterator[Any]:
    after = 0
    while True:
        try:
            answer = admin.get("/log", params={"after": after, "limit": LOG_PAGE})
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
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
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
            yield MockFleet(
                child=child, admin=client, admin_url=ready["admin"], token=token, urls=ready["services"], folder=folder
            )
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


STANDARD: Mapping[str, Mapping[str, Any]] = {
    "llm": {"mock": "openai", "preset": "hosted-chat", "port": 8081},
    "vectordb": {"mock": "qdrant", "port": 8082},
    "tools": {"mock": "tools", "port": 8083},
    "copilot": {
        "mock": "copilot",
        "port": 8080,
        "upstreams": {"primary": "llm", "fallback": "llm", "vector": "vectordb", "tools": "tools"},
    },
}
"""What `mock up` starts, by the names that it takes; ports a person can type."""


_FIRST_DIALECT_PORT = 8084
_DIALECT_PRESETS = {"vllm": "self-hosted-8b"} | dict.fromkeys(
    ("openai", "azure", "anthropic", "gemini", "vertex", "groq"), "hosted-chat"
)


def serve_mocks(
    names: Sequence[str],
    folder: Path,
    *,
    dialects: Sequence[str] = (),
    free_ports: bool,
    ready: Callable[[MockFleet], None],
) -> int:
    """Start mocks, tell `ready`, and serve until SIGINT or SIGTERM.

    `names` are of the standard mocks (all of them where neither is given), `dialects` any mocks by what they speak,
    from port 8084 on. Returns the exit code of the mocks' own process where they end by themselves. Raises UsageError
    for an unknown name, RefusedError where they do not come up (a port in use, an unknown dialect).
    """
    services = wanted_services(names, dialects)
    if free_ports:
        services = [{**service, "port": 0} for service in services]
    with running_mocks({"run_id": "", "seed": 0, "services": services}, folder) as fleet:
        with noted(note_path(os.environ), fleet.admin_url, fleet.token), stopping() as stop:
            ready(fleet)
            while fleet.alive and not stop.wait(0.2):
                pass
        return 0 if stop.is_set() else fleet.child.wait()


def wanted_services(names: Sequence[str], dialects: Sequence[str]) -> list[dict[str, Any]]:
    """The services of `mocks.json`. copilot brings what it depends on. Raises UsageError."""
    if unknown := [name for name in names if name not in STANDARD]:
        raise UsageError(Problem(f"no mock {unknown[0]!r}", f"there are {', '.join(STANDARD)}"))
    wanted = list(names) or ([] if dialects else list(STANDARD))
    if "copilot" in wanted:
        wanted = list(STANDARD)
    services = [{"name": name, **STANDARD[name]} for name in wanted]
    for index, dialect in enumerate(dict.fromkeys(dialects)):
        preset = {"preset": _DIALECT_PRESETS[dialect]} if dialect in _DIALECT_PRESETS else {}
        services.append({"name": dialect, "mock": dialect, "port": _FIRST_DIALECT_PORT + index, **preset})
    return services
