"""Stored runs without a run: folders as the engine leaves them, written by its own writers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from harness import store
from harness.engine import EngineFacts
from harness.engine.facts import first_catalog
from harness.results import (
    NEVER,
    RESULT_DTYPE,
    TELEMETRY_DTYPE,
    TELEMETRY_HEAD,
    ClockFact,
    Outcome,
    Reason,
    ResultArray,
    SpoolWriter,
    WorkerFact,
)
from harness.run.inputs import Inputs, read_inputs
from harness.run.manifest import manifest_of
from harness.run.planning import engine_job
from tests.harness.analysis.worlds import telemetry

PLAN = """
target: http://127.0.0.1:9
journeys: {call: {kind: tool}, look: {kind: tool}}
arrivals:
  seed: 3
  segments:
    - {phase: warm, hold: 50/s, for: 4s}
    - {phase: peak, hold: 50/s, for: 20s}
processes: 2
slo: {slos: ["e2e p95 <= 1s", "errors < 3%"]}
deadline: 5s
drain: 5s
smoke: true
"""

Latency = Callable[[np.random.Generator, int], np.ndarray]


def inputs_of(folder: Path, text: str = PLAN) -> Inputs:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.yaml").write_text(text)
    return read_inputs(folder / "plan.yaml", environ={})


def healthy(rng: np.random.Generator, n: int) -> np.ndarray:
    return 0.05 * np.exp(0.3 * rng.standard_normal(n))


def rows_of(inputs: Inputs, fired_s: float = np.inf, latency: Latency = healthy, bad_share: float = 0.0) -> ResultArray:
    """A row for each planned arrival, in the order of their due times; those due from `fired_s` on were never sent."""
    planned = inputs.load.arrivals.array
    rng = np.random.default_rng(1)
    rows = np.zeros(planned.size, RESULT_DTYPE)
    for name in ("due_ns", "phase", "journey", "tenant"):
        rows[name] = planned[name]
    rows["seq"] = np.arange(planned.size)
    rows["worker"] = rows["seq"] % inputs.plan.processes
    rows["sent_ns"] = rows["due_ns"] + np.rint(rng.exponential(2e5, planned.size)).astype(np.int64)
    rows["finished_ns"] = rows["sent_ns"] + np.rint(latency(rng, planned.size) * 1e9).astype(np.int64)
    rows["first_token_ns"] = rows["last_token_ns"] = NEVER
    rows["status"], rows["attempts"] = 200, 1
    bad = rng.random(planned.size) < bad_share
    rows["outcome"][bad], rows["status"][bad] = Outcome.SERVER_ERROR, 503
    unsent = rows["due_ns"] >= fired_s * 1e9
    rows["outcome"][unsent], rows["reason"][unsent] = Outcome.NOT_SENT, Reason.STOPPED
    rows["status"][unsent] = rows["attempts"][unsent] = 0
    rows["sent_ns"][unsent] = rows["finished_ns"][unsent] = NEVER
    return rows


def write_engine(folder: store.RunFolder, inputs: Inputs, rows: ResultArray, stopped_early: str = "") -> None:
    """What the engine leaves: spools, telemetry, and the master's word at the end."""
    end_s = inputs.load.shape.duration_s
    planned = inputs.load.arrivals.array.size
    shares = []
    for worker in range(inputs.plan.processes):
        mine = rows[rows["worker"] == worker]
        folder.spool(worker).unlink(missing_ok=True)
        writer = SpoolWriter(folder.spool(worker), worker, block_rows=256)
        for row in mine[np.argsort(mine["finished_ns"], kind="stable")]:
            writer.add(*row.item())
        writer.close()
        if mine.size:
            folder.telemetry(worker).write_bytes(TELEMETRY_HEAD + telemetry(mine, end_s).tobytes())
        shares.append(len(range(worker, planned, inputs.plan.processes)))
    facts = EngineFacts(
        catalog=first_catalog(engine_job(inputs.plan, inputs.load, "r", inputs.plan.target, inputs.seed, None)),
        workers=tuple(WorkerFact(k, "done", share, share) for k, share in enumerate(shares)),
        telemetry=np.empty(0, TELEMETRY_DTYPE),
        clock=ClockFact(end_s + 1, end_s + 1, end_s + 1),
        stopped_early=stopped_early,
        notes=(),
        start_ns=0,
        start_wall_s=0.0,
    )
    folder.engine_facts.write_text(json.dumps(facts.to_json() | {"planned": planned}))


def stored_run(root: Path, inputs: Inputs, rows: ResultArray, stopped_early: str = "") -> store.RunFolder:
    """A run folder of `inputs` under `root` that holds `rows`."""
    folder = store.create(root, datetime(2026, 1, 1, tzinfo=UTC), "t")
    inputs.copy_to(folder)
    np.save(folder.arrivals, inputs.load.arrivals.array, allow_pickle=False)
    job = replace(
        engine_job(inputs.plan, inputs.load, folder.run_id, inputs.plan.target, inputs.seed, None),
        prompts="",
    )
    folder.engine.mkdir(exist_ok=True)
    job.write(folder.job)
    folder.catalog.write_text(json.dumps(first_catalog(job).to_json()))
    folder.write_manifest(manifest_of(inputs, inputs.plan.target, datetime(2026, 1, 1, tzinfo=UTC)))
    write_engine(folder, inputs, rows, stopped_early)
    return folder
