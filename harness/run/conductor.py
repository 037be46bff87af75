"""The conductor: plan -> mocks up -> engine -> evidence -> verdict -> report, one straight line, each step a file."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType

import numpy as np

from harness import config, store
from harness.analysis import Verdict
from harness.engine import EngineJob, EngineProcess, Progress, launch
from harness.errors import Problem, RefusedError
from harness.guard import Use, check_budget, stop_reason
from harness.report import Report
from harness.run.inputs import Inputs
from harness.run.judging import judge_run
from harness.run.mocks import MockFleet, running_mocks
from harness.run.planning import Load, engine_job, manifest_of, mocks_config
from harness.run.target import check_reachable

Watch = Callable[[Progress, Load], None]


@dataclass(frozen=True)
class Finished:
    """A run that came to its end, whatever that end was."""

    folder: store.RunFolder
    report: Report
    interrupted: bool

    @property
    def verdict(self) -> Verdict:
        return self.report.verdict


def run_plan(inputs: Inputs, root: Path, *, started: datetime, token: str, watch: Watch) -> Finished:
    """Run `inputs` under `root` and judge it. `token` tells runs started in the same moment apart.

    Raises UsageError or RefusedError before any load; after that, whatever happens becomes a verdict.
    """
    load = inputs.load
    _check_limits(inputs.plan, load)
    folder = store.create(root, started, token)
    inputs.copy_to(folder)
    np.save(folder.arrivals, load.arrivals.array, allow_pickle=False)
    with _mocks(inputs, folder) as fleet:
        target = (
            fleet.urls[inputs.plan.target_upstream] if fleet and inputs.plan.target_upstream else inputs.plan.target
        )
        check_reachable(target, inputs.plan.allow_hosts, inputs.owned)
        job = engine_job(inputs, load, folder.run_id, target)
        folder.write_manifest(manifest_of(inputs, load, folder, target, started))
        interrupted = _carry(job, folder, inputs.plan, load, watch)
        if fleet is not None:
            fleet.keep_evidence()
    return Finished(folder, judge_run(folder), interrupted)


@contextlib.contextmanager
def _mocks(inputs: Inputs, folder: store.RunFolder) -> Iterator[MockFleet | None]:
    if not inputs.plan.upstreams:
        yield None
        return
    with running_mocks(mocks_config(inputs.plan, folder.run_id, inputs.seed), folder.mocks) as fleet:
        yield fleet


def _carry(job: EngineJob, folder: store.RunFolder, plan: config.Plan, load: Load, watch: Watch) -> bool:
    """Carry the load to its end. Returns whether a person interrupted it (first Ctrl-C: drain; second: now)."""
    engine = launch(job, folder.path, folder.arrivals)
    try:
        with _interrupts(engine) as interrupted:
            for progress in engine.progress():
                watch(progress, load)
                if reason := stop_reason(_used(progress), plan.limits, plan.prices):
                    engine.stop(reason)
            engine.wait()
        return interrupted.is_set()
    finally:
        engine.kill()


@contextlib.contextmanager
def _interrupts(engine: EngineProcess) -> Iterator[threading.Event]:
    """SIGINT and SIGTERM stop the load in order the first time, at once the second."""
    seen = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if seen.is_set():
            engine.kill()
        seen.set()
        engine.stop(f"stopped by {signal.Signals(number).name}")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_limits(plan: config.Plan, load: Load) -> None:
    array = load.arrivals.array
    planned = Use(
        requests=array.size,
        duration_s=load.shape.duration_s,
        tokens_in=int(array["tokens_in"].sum()),
        tokens_out=int(array["tokens_out"].sum()),
    )
    check_budget(planned, plan.limits, plan.prices)


def _used(progress: Progress) -> Use:
    return Use(requests=progress.fired, duration_s=max(0.0, progress.elapsed_s - 3600.0))
