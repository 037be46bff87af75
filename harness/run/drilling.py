"""A drill from start to end: preflight, load and faults on one clock, rollback seen by behaviour, verdict, report."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np

from harness import COMMAND, store
from harness.drill import Drill, Injector, Probe, Reading, confirm_gone, refusal_to_start, refuse_foreign
from harness.errors import Problem, RefusedError
from harness.run import conductor
from harness.run.drill_canary import check_canary
from harness.run.drill_carrying import Course, Seeing, carry
from harness.run.drill_inputs import DrillInputs
from harness.run.drill_judging import DrillFinished, judge_drilled, write_drilled
from harness.run.drill_outside import Reach, check_outside, command_of, reach_of
from harness.run.drill_stopping import STOP_FILE, TOKEN_VARIABLE, KillSwitch
from harness.run.manifest import manifest_of
from harness.run.mock_admin import TOKEN_VARIABLE as MOCK_TOKEN_VARIABLE
from harness.run.mocks import MockFleet, store_evidence
from harness.run.target import check_reachable


def drill_now(
    asked: DrillInputs, root: Path, watch: Seeing, stop_port: int = 0, opened: conductor.Opened | None = None
) -> DrillFinished:
    """`run_drill` with this machine's clock, in a folder of its own. A drill that is refused leaves none."""
    now, token = datetime.now(UTC), secrets.token_hex(8)
    _check_start(asked, root, now)
    folder = store.create(root, now, token)
    with store.only_if_run(folder):
        return run_drill(asked, folder, started=now, watch=watch, stop_port=stop_port, opened=opened)


def _check_start(asked: DrillInputs, root: Path, now: datetime) -> None:
    if why := refusal_to_start(asked.drill, now):
        raise RefusedError(Problem(f"the drill may not start now: {why}", "see window and blackout", str(asked.path)))
    if (root / STOP_FILE).exists():
        raise RefusedError(Problem(f"{root / STOP_FILE} is there: drills are stopped", "remove it to drill again"))


def run_drill(
    asked: DrillInputs,
    folder: store.RunFolder,
    *,
    started: datetime,
    watch: Seeing,
    stop_port: int = 0,
    opened: conductor.Opened | None = None,
) -> DrillFinished:
    """Run the drill in `folder` and judge it. Its kill switch listens on `stop_port` of loopback (0: a free one).
    `opened` is called with the folder as soon as what was asked is in it.

    Raises UsageError or RefusedError before any load or fault; after that, whatever happens becomes a verdict.
    """
    drill, inputs, root = asked.drill, asked.inputs, folder.root
    conductor.check_limits(inputs.plan, inputs.load)
    inputs.copy_to(folder)
    asked.copy_to(folder)
    if opened is not None:
        opened(folder)
    np.save(folder.arrivals, inputs.load.arrivals.array, allow_pickle=False)
    course = Course(drill, asked.timeline, folder.run_id)
    with contextlib.ExitStack() as held:
        fleet = held.enter_context(conductor.mocks_of(inputs, folder))
        client, admin_url = held.enter_context(_injecting(drill, fleet))
        upstream = inputs.plan.target_upstream
        course.target = target = fleet.urls[upstream] if fleet and upstream else inputs.plan.target
        held.enter_context(store.target_lock(root, target))
        check_reachable(target, inputs.plan.allow_hosts, inputs.owned)
        stop_token = os.environ.get(TOKEN_VARIABLE, "")
        held.enter_context(KillSwitch(folder.path, course.halt, course.status, port=stop_port, token=stop_token))
        reach = reach_of(inputs.plan.allow_hosts, inputs.owned)
        injector, owner = Injector(client) if client else None, f"run {folder.run_id}"
        command = f"{COMMAND} drill rollback --injector {admin_url}"
        probes = _preflight(injector, drill, owner, command, reach)
        if drill.rests_on_canary:
            check_canary(inputs.plan, target, os.environ)
        folder.write_manifest({**manifest_of(inputs, target, started), "repeat": asked.repeat, "drill": drill.title})
        journal = carry(asked, folder, target, injector, reach, course, watch)
        against = confirm_gone(injector, owner, probes) if injector else ""
        clear = [f"{command} --owner '{owner}'"] * bool(against) + [command_of(f.rollback) for f in drill.outside]
        against = "; ".join(filter(None, [against, journal.against]))
        journal.confirmed(against if journal.injected else "", "; ".join(clear))
        if client:
            store_evidence(client, folder.mocks)
    journal.write(folder)
    finished = judge_drilled(drill, asked.timeline, folder, journal)
    write_drilled(finished)
    return finished


@contextlib.contextmanager
def _injecting(drill: Drill, fleet: MockFleet | None) -> Iterator[tuple[httpx.Client | None, str]]:
    """A client for the injector's admin API, and its address; None where only faults on what is not ours are asked."""
    if drill.injector:
        with injector_client(drill.injector) as client:
            yield client, drill.injector
    elif fleet is not None:
        yield fleet.admin, fleet.admin_url
    elif not drill.faults:
        yield None, ""
    else:
        raise RefusedError(Problem("the plan starts no mock, and the drill names no injector", "write `injector:`"))


def injector_client(url: str) -> httpx.Client:
    """For mocks that run already; their token comes from the environment."""
    token = os.environ.get(MOCK_TOKEN_VARIABLE, "")
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, timeout=5.0, trust_env=False)


def _preflight(
    injector: Injector | None, drill: Drill, owner: str, command: str, reach: Reach
) -> dict[str, tuple[Probe, Reading]]:
    """No foreign lease, every fault acceptable, every upstream that will break answers now."""
    for fault in drill.outside:
        check_outside(fault, reach)
    if injector is None:
        return {}
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
        if not reading.status:
            raise RefusedError(Problem(f"{on} at {url} does not answer, before any fault", "start it, or mend it"))
        probes[on] = (probe, reading)
    return probes
