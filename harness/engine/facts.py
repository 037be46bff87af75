"""What the engine left in the run folder, read back: names, workers, telemetry, clocks, and why it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from harness.engine.job import EngineJob
from harness.engine.journeys.builtin import KINDS
from harness.errors import EvidenceError, Problem
from harness.results import (
    TELEMETRY_DTYPE,
    Catalog,
    ClockFact,
    Gaps,
    Rows,
    TelemetryArray,
    WorkerFact,
    read_gaps,
    read_spools,
    read_telemetry,
)


@dataclass(frozen=True)
class EngineFacts:
    """The engine's word about one run."""

    catalog: Catalog
    workers: tuple[WorkerFact, ...]
    telemetry: TelemetryArray
    """All workers' seconds, shape (n,), in order of worker and time."""
    clock: ClockFact | None
    """None when the engine did not live to say."""
    stopped_early: str
    """Why the load ended before its plan did; empty when it ran to its end."""
    notes: tuple[str, ...]
    start_ns: int
    """Start of the load by the host's monotonic clock."""
    start_wall_s: float
    """The same by the wall clock (Unix time)."""
    gaps: Gaps | None = None
    """Between the pieces of streamed answers, of all workers; None where none was streamed."""

    def to_json(self) -> dict[str, Any]:
        return {
            "workers": [asdict(fact) for fact in self.workers],
            "clock": asdict(self.clock) if self.clock else None,
            "stopped_early": self.stopped_early,
            "notes": list(self.notes),
            "start_ns": self.start_ns,
            "start_wall_s": self.start_wall_s,
        }


def engine_folder(run_folder: Path) -> Path:
    return run_folder / "engine"


def spool_path(folder: Path, worker: int) -> Path:
    return folder / f"worker-{worker}.spool"


def telemetry_path(folder: Path, worker: int) -> Path:
    return folder / f"worker-{worker}.telemetry"


def gaps_path(folder: Path, worker: int) -> Path:
    return folder / f"worker-{worker}.gaps"


def first_catalog(job: EngineJob) -> Catalog:
    """The names known before the load; the workers' spools add those they meet."""
    return Catalog(
        journeys=tuple(spec.name for spec in job.journeys),
        phases=job.phases,
        steps=("arrival", *KINDS),
        degraded=("", *(signal.label for signal in job.degraded)),
    )


def read_rows(run_folder: Path) -> Rows:
    """The rows of all workers of a run, as far as they can be read."""
    folder = engine_folder(run_folder)
    job, catalog = EngineJob.read(folder / "job.json"), _catalog(folder)
    return read_spools([spool_path(folder, worker) for worker in range(job.workers)], catalog)


def read_engine(run_folder: Path) -> EngineFacts:
    """The facts of the run in `run_folder`. Where the master did not live to write them, every worker counts as lost.

    Raises EvidenceError when there is no job or catalog, they do not parse, or are of another format.
    """
    folder = engine_folder(run_folder)
    try:
        job, catalog = EngineJob.read(folder / "job.json"), _catalog(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(Problem(f"not an engine's folder: {error}", "is it a run folder?", str(folder))) from None
    parts = [read_telemetry(telemetry_path(folder, worker)) for worker in range(job.workers)]
    telemetry = np.concatenate(parts) if parts else np.empty(0, TELEMETRY_DTYPE)
    try:
        found = _from_json(orjson.loads((folder / "engine.json").read_bytes()), catalog, telemetry)
    except (OSError, ValueError, KeyError, TypeError):
        found = _without_master(job, catalog, telemetry, folder)
    return replace(found, gaps=_gaps(job, folder))


def _gaps(job: EngineJob, folder: Path) -> Gaps | None:
    paths = [gaps_path(folder, worker) for worker in range(job.workers)]
    return read_gaps([path for path in paths if path.exists()], len(job.phases))


def _catalog(folder: Path) -> Catalog:
    return Catalog.from_json(orjson.loads((folder / "catalog.json").read_bytes()))


def _from_json(data: Mapping[str, Any], catalog: Catalog, telemetry: TelemetryArray) -> EngineFacts:
    clock = data["clock"]
    return EngineFacts(
        catalog=catalog,
        workers=tuple(WorkerFact(**fact) for fact in data["workers"]),
        telemetry=telemetry,
        clock=ClockFact(**clock) if clock else None,
        stopped_early=data["stopped_early"],
        notes=tuple(data["notes"]),
        start_ns=data["start_ns"],
        start_wall_s=data["start_wall_s"],
    )


def _without_master(job: EngineJob, catalog: Catalog, telemetry: TelemetryArray, folder: Path) -> EngineFacts:
    why = "the engine's master ended before it could write engine.json"
    try:
        planned = int(orjson.loads((folder / "dealt.json").read_bytes())["planned"])
    except (OSError, ValueError, KeyError, TypeError):
        planned = 0
    shares = [len(range(worker, planned, job.workers)) for worker in range(job.workers)]
    return EngineFacts(
        catalog=catalog,
        workers=tuple(WorkerFact(k, "lost", share, 0, detail=why) for k, share in enumerate(shares)),
        telemetry=telemetry,
        clock=None,
        stopped_early=why,
        notes=(),
        start_ns=0,
        start_wall_s=0.0,
    )
