"""A drill from start to end: preflight, load and faults on one clock, rollback seen by behaviour, verdict, report."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np

from harness import COMMAND, store
from harness.drill import Drill, Injector, Probe, Reading, Watch, confirm_gone, refusal_to_start, refuse_foreign
from harness.engine import EngineProcess, Progress, launch
from harness.errors import Problem, RefusedError
from harness.guard import stop_reason
from harness.run import conductor
from harness.run.drill_faults import FaultHolder
from harness.run.drill_inputs import DrillInputs
from harness.run.drill_judging import DrillFinished, Journal, judge_drilled
from harness.run.manifest import manifest_of
from harness.run.mock_admin import TOKEN_VARIABLE
from harness.run.mocks import MockFleet, store_evidence
from harness.run.planning import Load, engine_job
from harness.run.signals import stopping
from harness.run.target import check_reachable

STOP_FILE = "STOP"
"""`touch runs/STOP` ends every drill under that root within a second."""
POLL_S = 0.2

Seeing = Callable[[Progress, Load], None]


@dataclass
class _Course:
    """What a drill under way knows: shared by the main thread, the fault thread and the signal handler."""

    drill: Drill
    watch: Watch = field(default_factory=Watch)
    stopped: str = ""
    aborted: str = ""


def drill_now(asked: DrillInputs, root: Path, watch: Seeing) -> DrillFinished:
    """`run_drill` with this machine's clock and a fresh token."""
    return run_drill(asked, root, started=datetime.now(UTC), token=secrets.token_hex(8), watch=watch)


def run_drill(asked: DrillInputs, root: Path, *, started: datetime, token: str, watch: Seeing) -> DrillFinished:
    """Run the drill under `root` and judge it.

    Raises UsageError or RefusedError before any load or fault; after that, whatever happens becomes a verdict.
    """
    drill, inputs = asked.drill, asked.inputs
    if why := refusal_to_start(drill, started):
        raise RefusedError(Problem(f"the drill may not start now: {why}", "see window and blackout", str(asked.path)))
    if (root / STOP_FILE).exists():
        raise RefusedError(Problem(f"{root / STOP_FILE} is there: drills are stopped", "remove it to drill again"))
    conductor.check_limits(inputs.plan, inputs.load)
    folder = store.create(root, started, token)
    inputs.copy_to(folder)
    np.save(folder.arrivals, inputs.load.arrivals.array, allow_pickle=False)
    with conductor.mocks_of(inputs, folder) as fleet, _injecting(drill, fleet) as (client, admin_url):
        upstream = inputs.plan.target_upstream
        target = fleet.urls[upstream] if fleet and upstream else inputs.plan.target
        check_reachable(target, inputs.plan.allow_hosts, inputs.owned)
        injector, owner = Injector(client), f"run {folder.run_id}"
        command = f"{COMMAND} drill rollback --injector {admin_url}"
        probes = _preflight(injector, drill, owner, command)
        manifest = {**manifest_of(inputs, target, started), "repeat": asked.repeat, "drill": drill.title}
        folder.write_manifest(manifest)
        with store.target_lock(root, target):
            journal = _carry(asked, folder, target, injector, watch)
        against = confirm_gone(injector, owner, probes)
        journal.confirmed("" if not journal.injected else against, f"{command} --owner '{owner}'")
        store_evidence(client, folder.mocks)
    return judge_drilled(asked, folder, journal)


@contextlib.contextmanager
def _injecting(drill: Drill, fleet: MockFleet | None) -> Iterator[tuple[httpx.Client, str]]:
    """A client for the injector's admin API, and its address."""
    if drill.injector:
        with injector_client(drill.injector) as client:
            yield client, drill.injector
    elif fleet is not None:
        yield fleet.admin, fleet.admin_url
    else:
        raise RefusedError(Problem("the plan starts no mock, and the drill names no injector", "write `injector:`"))


def injector_client(url: str) -> httpx.Client:
    """For mocks that run already; their token comes from the environment."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, timeout=5.0, trust_env=False)


def _preflight(injector: Injector, drill: Drill, owner: str, command: str) -> dict[str, tuple[Probe, Reading]]:
    """No foreign lease, every fault acceptable, every upstream that will break answers now."""
    try:
        refuse_foreign(injector.leases(), command)
        injector.try_out(drill.faults, owner)
        services = injector.services()
    except httpx.HTTPError as error:
        raise RefusedError(Problem(f"the injector does not answer as one: {error or type(error).__name__}")) from None
    client = httpx.Client(trust_env=False)
    probes = {}
    for on in dict.fromkeys(fault.on for fault in drill.faults):
        mock, url = services[on]
        probe = Probe(client, url, mock)
        reading = probe.ask()
        if not reading.status and mock != "tcp":
            raise RefusedError(Problem(f"{on} at {url} does not answer, before any fault", "start it, or mend it"))
        probes[on] = (probe, reading)
    return probes


def _carry(asked: DrillInputs, folder: store.RunFolder, target: str, injector: Injector, watch: Seeing) -> Journal:
    """Carry load and faults to their end, or to the moment that something ends them."""
    inputs, course = asked.inputs, _Course(asked.drill)
    job = engine_job(inputs.plan, inputs.load, folder.run_id, target, inputs.seed, conductor.descriptor_limit())
    engine = launch(job, folder.path, folder.arrivals)

    def now_s() -> float:
        return (time.monotonic_ns() - engine.start_ns) / 1e9 if engine.start_ns else -np.inf

    timeline = asked.timeline
    holder = FaultHolder(
        injector,
        timeline,
        owner=f"run {folder.run_id}",
        ttl_s=asked.drill.ttl_s,
        now_s=now_s,
        veto=lambda: course.watch.unsteady(asked.drill.steady_state, timeline.baseline_s),
    )

    def halt(why: str) -> None:
        """From a signal: the load first, then the faults; both at once in truth."""
        course.stopped = course.stopped or why
        engine.stop(why)
        holder.stop()

    killer = _KillSwitch(folder.root, halt)
    try:
        with stopping(first=halt, second=engine.kill):
            holder.start()
            killer.start()
            for progress in engine.progress():
                _look(course, engine, holder, progress)
                watch(progress, inputs.load)
                if reason := stop_reason(conductor.used(progress, inputs.load), inputs.plan.limits, inputs.plan.prices):
                    halt(reason)
            engine.wait()
    finally:
        holder.stop()
        engine.kill()
        holder.join(30)
        killer.over.set()
    return Journal.of(holder, course.stopped, course.aborted)


def _look(course: _Course, engine: EngineProcess, holder: FaultHolder, progress: Progress) -> None:
    """Feed the live watch; end the drill where its abort rule or the fault thread says so."""
    course.watch.feed(progress.elapsed_s, progress.outcomes)
    rule = course.drill.abort
    if rule and not course.aborted and (why := course.watch.aborts(rule, progress.elapsed_s)):
        course.aborted = why
        engine.stop(why)
        holder.stop()
    if (holder.not_injected or holder.trouble) and progress.state == "running":
        engine.stop(holder.not_injected or holder.trouble)


class _KillSwitch(threading.Thread):
    """Looks for the stop file several times a second, whatever the engine has to say."""

    def __init__(self, root: Path, halt: Callable[[str], None]) -> None:
        super().__init__(name="drill-kill-switch", daemon=True)
        self._path = root / STOP_FILE
        self._halt = halt
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(POLL_S):
            if self._path.exists():
                self._halt(f"stopped by {self._path}")
                return
