"""The run folder: where everything of a run lies (docs/architecture.md, "The run folder")."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.errors import EvidenceError, Problem, RefusedError, UsageError
from harness.store import atomic

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u, so an id read aloud or typed again stays itself."""
_ID_LENGTH = 4
_TRIES = 64


@dataclass(frozen=True)
class RunFolder:
    """All paths of one run. Nothing is read or made until asked for."""

    root: Path
    run_id: str

    @property
    def path(self) -> Path:
        return self.root / self.run_id

    @property
    def plan(self) -> Path:
        return self.path / "plan.yaml"

    @property
    def slo(self) -> Path:
        return self.path / "slo.yaml"

    @property
    def peak(self) -> Path:
        return self.path / "peak.json"

    @property
    def prompts(self) -> Path:
        """Which prompt of a prompts file each arrival carries."""
        return self.path / "prompts.npy"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def arrivals(self) -> Path:
        return self.path / "arrivals.npy"

    @property
    def engine(self) -> Path:
        return self.path / "engine"

    @property
    def job(self) -> Path:
        return self.engine / "job.json"

    @property
    def catalog(self) -> Path:
        return self.engine / "catalog.json"

    @property
    def engine_facts(self) -> Path:
        return self.engine / "engine.json"

    def spool(self, worker: int) -> Path:
        return self.engine / f"worker-{worker}.spool"

    def telemetry(self, worker: int) -> Path:
        return self.engine / f"worker-{worker}.telemetry"

    def spools(self) -> list[Path]:
        """The spools that are there, by worker number."""
        return sorted(self.engine.glob("worker-*.spool"), key=_worker_number)

    def telemetries(self) -> list[Path]:
        """The telemetry files that are there, by worker number."""
        return sorted(self.engine.glob("worker-*.telemetry"), key=_worker_number)

    @property
    def mocks(self) -> Path:
        return self.path / "mocks"

    @property
    def mocks_config(self) -> Path:
        return self.mocks / "mocks.json"

    @property
    def mocks_ready(self) -> Path:
        return self.mocks / "ready.json"

    @property
    def mocks_log(self) -> Path:
        return self.mocks / "log.jsonl"

    @property
    def mocks_counts(self) -> Path:
        return self.mocks / "counts.json"

    @property
    def verdict(self) -> Path:
        return self.path / "verdict.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def write_text(self, path: Path, text: str) -> None:
        """Writes a file of this run, whole or not at all."""
        atomic.write_text(path, text)

    def write_bytes(self, path: Path, data: bytes) -> None:
        """Writes a file of this run, whole or not at all."""
        atomic.write_bytes(path, data)

    def write_manifest(self, facts: Mapping[str, Any]) -> None:
        """`facts` as JSON; the run id is always in it."""
        data = {"run_id": self.run_id, **facts}
        text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        atomic.write_text(self.manifest, text)

    def read_manifest(self) -> dict[str, Any]:
        """Raises `EvidenceError` where there is none or it is not JSON."""
        return self.read_json(self.manifest)

    def read_json(self, path: Path) -> dict[str, Any]:
        """A JSON object of this run. Raises `EvidenceError` that says which file, and where it breaks."""
        try:
            data = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            advice = "the run ended before it was written, or the folder is not whole"
            raise EvidenceError(Problem("there is no such file", advice, file=str(path))) from None
        except UnicodeDecodeError as wrong:
            raise EvidenceError(Problem(f"not UTF-8: {wrong.reason}", file=str(path))) from None
        except json.JSONDecodeError as wrong:
            problem = Problem(f"not JSON: {wrong.msg}", file=str(path), line=wrong.lineno, column=wrong.colno)
            raise EvidenceError(problem) from None
        if not isinstance(data, dict):
            raise EvidenceError(Problem("a JSON object is expected", file=str(path), line=1))
        return data


def create(root: Path, started: datetime, token: str) -> RunFolder:
    """A new, empty run folder with a short id drawn from `started` and `token` (anything that differs between runs:
    a random hex string, the plan's hash and the process id). An id that is taken is never used again.

    Raises `UsageError` where the folder cannot be made.
    """
    seed = f"{started.isoformat()} {token}"
    for attempt in range(_TRIES):
        length = _ID_LENGTH + attempt // 16  # a crowded root gets longer ids
        folder = RunFolder(root, _short_id(f"{seed} {attempt}", length))
        try:
            root.mkdir(parents=True, exist_ok=True)
            folder.path.mkdir()
        except FileExistsError:
            if not root.is_dir():
                raise UsageError(Problem("is a file, not a folder of runs", file=str(root))) from None
            continue
        except OSError as wrong:
            advice = "give a folder that you may write to"
            raise UsageError(Problem(f"cannot make a run folder: {wrong.strerror}", advice, file=str(root))) from None
        folder.engine.mkdir()
        folder.mocks.mkdir()
        return folder
    raise UsageError(Problem("finds no free run id", "clear old runs away", file=str(root)))


@contextlib.contextmanager
def only_if_run(folder: RunFolder) -> Iterator[None]:
    """Inside, a refusal before any load, a disk that is full by then, or a Ctrl-C, takes `folder` away again: nothing
    was run, so there is nothing to keep."""
    try:
        yield
    except (UsageError, RefusedError, OSError, KeyboardInterrupt):
        if not folder.job.exists():
            shutil.rmtree(folder.path, ignore_errors=True)
        raise


def create_named(root: Path, name: str) -> RunFolder:
    """A new, empty run folder of this name under `root`, or of the name with `-2`, `-3`, ... where it is taken.

    Raises `UsageError` where the folder cannot be made.
    """
    for attempt in range(1, _TRIES):
        folder = RunFolder(root, name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as wrong:
            raise UsageError(Problem(f"cannot make a run folder: {wrong.strerror}", file=str(root))) from None
        folder.engine.mkdir()
        folder.mocks.mkdir()
        return folder
    raise UsageError(Problem(f"too many runs are called {name!r}", "clear old ones away", file=str(root)))


def open_run(path: Path) -> RunFolder:
    """The run at `path`: its folder, or any file inside it. Raises `UsageError` that says what is there instead."""
    if not path.exists():
        near = _near(path)
        advice = f"runs here: {near}" if near else "give the folder of a run, such as runs/7f3k"
        raise UsageError(Problem("there is no such run", advice, file=str(path)))
    folder = path if path.is_dir() else path.parent
    for candidate in (folder, folder.parent):
        if (candidate / "manifest.json").is_file():
            whole = candidate.absolute()
            return RunFolder(candidate.parent if candidate.name else whole.parent, whole.name)
    inside = [c.name for c in sorted(folder.iterdir()) if (c / "manifest.json").is_file()]
    advice = f"it holds runs: {', '.join(inside[-5:])}" if inside else "a run folder holds a manifest.json"
    raise UsageError(Problem("is not a run folder", advice, file=str(path)))


def latest(root: Path) -> RunFolder:
    """The run that started last, by its manifest. Raises `UsageError` where there is none."""
    runs = list_runs(root)
    if not runs:
        raise UsageError(Problem("holds no run", "peakproof run PLAN makes one", file=str(root)))
    return runs[-1]


def list_runs(root: Path) -> list[RunFolder]:
    """The runs under `root` by the start their manifests tell; folders without a readable manifest are left out."""
    found = []
    for manifest in root.glob("*/manifest.json"):
        folder = RunFolder(root, manifest.parent.name)
        try:
            found.append((str(folder.read_manifest().get("started", "")), folder.run_id, folder))
        except EvidenceError:
            continue
    return [folder for _, _, folder in sorted(found, key=lambda item: item[:2])]


def digest(data: bytes) -> str:
    """SHA-256 in hex, as manifests name inputs."""
    return hashlib.sha256(data).hexdigest()


def _short_id(seed: str, length: int) -> str:
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
    return "".join(_LETTERS[(number >> (5 * i)) & 31] for i in range(length))


def _worker_number(path: Path) -> tuple[int, str]:
    number = path.stem.removeprefix("worker-")
    return (int(number) if number.isdigit() else 2**31, path.stem)


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    return ", ".join(run.run_id for run in list_runs(path.parent)[-5:])
