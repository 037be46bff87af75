"""The conductor: plan -> mocks up -> engine -> evidence -> verdict -> report, one straight line, each step a file."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from harness import config, store
from harness.analysis import Verdict
from harness.engine import EngineJob, Progress, launch, read_engine
from harness.errors import Problem, UsageError
from harness.guard import Use, check_budget, stop_reason
from harness.report import Report
from harness.run.extending import Watcher, either, extended
from harness.run.inputs import Inputs
from harness.run.judging import judge_run
from harness.run.manifest import manifest_of
from harness.run.mocks import MockFleet, running_mocks
from harness.run.planning import Load, engine_job, mocks_config
from harness.run.prompts import keep_prompt_numbers
from harness.run.signals import stopping
from harness.run.target import check_reachable

Watch = Callable[[Progress, Load], None]
Opened = Callable[[store.RunFolder], None]


@dataclass(frozen=True)
class Errand:
    """A run as a part of something larger: where it is kept, what it does with the mocks, and when it must end."""

    folder: store.RunFolder | None = None
    """Made by the caller; None takes a new one."""
    prepare: Callable[[MockFleet], None] | None = None
    """Called with the mocks up, before the load."""
    abort: Callable[[Progress], str] | None = None
    """Why the load should end now, or an empty string."""


@dataclass(frozen=True)
class Finished:
    """A run that came to its end, whatever that end was."""

    folder: store.RunFolder
    report: Report
    interrupted: bool

    @property
    def verdict(self) -> Verdict:
        return self.report.verdict


def run_now(inputs: Inputs, root: Path, watch: Watch, opened: Opened | None = None) -> Finished:
    """`run_plan` with this machine's clock and a fresh token."""
    now, token = datetime.now(UTC), secrets.token_hex(8)
    folder = store.create(root, now, token)
    with store.only_if_run(folder):
        return run_plan(
            inputs, root, started=now, token=token, watch=watch, opened=opened, errand=Errand(folder=folder)
        )


def run_plan(
    inputs: Inputs,
    root: Path,
    *,
    started: datetime,
    token: str,
    watch: Watch,
    opened: Opened | None = None,
    errand: Errand = Errand(),
) -> Finished:
    """Run `inputs` under `root` and judge it. `token` tells runs started in the same moment apart. `opened` is
    called with the run's folder as soon as it is there.

    Raises UsageError or RefusedError before any load; after that, whatever happens becomes a verdict.
    """
    load, rules, extension = extended(inputs.plan, inputs.load, inputs.rules, inputs.seed)
    inputs = replace(inputs, load=load, rules=rules)
    check_limits(inputs.plan, load)
    check_secrets(inputs.plan, os.environ)
    folder = errand.folder or store.create(root, started, token)
    inputs.copy_to(folder)
    if opened is not None:
        opened(folder)
    np.save(folder.arrivals, load.arrivals.array, allow_pickle=False)
    with mocks_of(inputs, folder) as fleet:
        target = (
            fleet.urls[inputs.plan.target_upstream] if fleet and inputs.plan.target_upstream else inputs.plan.target
        )
        check_reachable(target, inputs.plan.allow_hosts, inputs.owned)
        job = engine_job(inputs.plan, load, folder.run_id, target, inputs.seed, descriptor_limit())
        keep_prompt_numbers(job, folder, load.arrivals.array.size)
        facts = manifest_of(inputs, target, started)
        folder.write_manifest(facts)
        watcher = Watcher(folder, extension, load, job.workers) if extension else None
        if fleet is not None and errand.prepare is not None:
            errand.prepare(fleet)
        with store.target_lock(root, target):
            interrupted = _carry(job, folder, inputs.plan, load, watch, either(errand.abort, watcher))
        if watcher is not None:
            folder.write_manifest({**facts, **watcher.facts(read_engine(folder.path).stopped_early)})
        if fleet is not None:
            fleet.keep_evidence(folder.run_id, inputs.plan.target_upstream)
    return Finished(folder, judge_run(folder), interrupted)


@contextlib.contextmanager
def mocks_of(inputs: Inputs, folder: store.RunFolder) -> Iterator[MockFleet | None]:
    """The mocks that the plan starts, ready; None where it starts none."""
    if not inputs.plan.upstreams:
        yield None
        return
    with running_mocks(mocks_config(inputs.plan, folder.run_id, inputs.seed), folder.mocks) as fleet:
        yield fleet


def _carry(  # noqa: PLR0917 -- one value from each source
    job: EngineJob,
    folder: store.RunFolder,
    plan: config.Plan,
    load: Load,
    watch: Watch,
    abort: Callable[[Progress], str],
) -> bool:
    """Carry the load to its end. Returns whether a person interrupted it (first Ctrl-C: drain; second: now)."""
    engine = launch(job, folder.path, folder.arrivals)
    try:
        with stopping(first=engine.stop, second=engine.kill) as interrupted:
            ended = ""
            for progress in engine.progress():
                if ended:
                    continue  # the rest of the plan counts as not sent now: no news of the target
                ended = stop_reason(used(progress, load), plan.limits, plan.prices) or abort(progress)
                watch(replace(progress, detail=ended or progress.detail), load)
                if ended:
                    engine.stop(ended)
            engine.wait()
        return interrupted.is_set()
    finally:
        engine.kill()


def descriptor_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def check_limits(plan: config.Plan, load: Load) -> None:
    array = load.arrivals.array
    planned = Use(
        requests=array.size,
        duration_s=load.shape.duration_s,
        tokens_in=int(array["tokens_in"].sum()),
        tokens_out=int(array["tokens_out"].sum()),
    )
    check_budget(planned, plan.limits, plan.prices)


def check_secrets(plan: config.Plan, environ: Mapping[str, str]) -> None:
    """Raises UsageError with every secret that the plan names and the environment does not have."""
    if missing := [name for name in config.secrets_of(plan) if not environ.get(name)]:
        raise UsageError(*(Problem(f"the secret {name} is not set", f"export {name}=...") for name in missing))


def used(progress: Progress, load: Load) -> Use:
    """What the run has used so far, by the plan's own sizes: arrivals are fired in the order of the plan. The time of
    the drain does not count: `limits.duration` is from the first to the last arrival."""
    fired = load.arrivals.array[: progress.fired]
    return Use(
        requests=progress.fired,
        duration_s=max(0.0, progress.elapsed_s) if progress.state == "running" else 0.0,
        tokens_in=int(fired["tokens_in"].sum(dtype=np.int64)),
        tokens_out=int(fired["tokens_out"].sum(dtype=np.int64)),
    )
