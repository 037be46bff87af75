"""Around a drill: the files of a folder, the faults in force at an injector, and the schedule file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import httpx

from harness.drill import Drill, Injector, Lease, Standing, emit, load_drill, standing, timeline_of
from harness.errors import Problem, RefusedError, UsageError
from harness.run.drill_inputs import DRILL_FILE
from harness.run.drill_judging import past_drills
from harness.run.drilling import injector_client


def list_drills(folder: Path) -> tuple[list[tuple[Path, Drill]], list[str]]:
    """(file, drill) of each drill file in `folder` by name, and what is wrong with the others."""
    if not folder.is_dir():
        raise UsageError(Problem("no such folder of drills", "`drills/` of the project holds some", str(folder)))
    found, problems = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append((path, load_drill(path)))
        except UsageError as error:
            problems.append(str(error))
    return found, problems


def standing_of(drill: Drill, root: Path, now: datetime) -> Standing:
    """Where the drill stands by the runs under `root`; nothing is known where there is no such folder."""
    return standing(drill.title, drill.every_s, past_drills(root), now)


def standings(root: Path, now: datetime) -> list[tuple[str, Standing]]:
    """(title, where it stands) of every drill that has a run under `root`, the longest overdue first, then the newest.
    `every` is what its last run said."""
    past = past_drills(root)
    latest = {run.title: run for run in sorted(past, key=lambda run: run.started)}
    found = [(title, standing(title, _every_s(root / run.run_id), past, now)) for title, run in latest.items()]
    found.sort(key=lambda item: latest[item[0]].started, reverse=True)
    return sorted(found, key=lambda item: -item[1].overdue_s)


def _every_s(run: Path) -> float | None:
    try:
        return load_drill(run / DRILL_FILE).every_s
    except UsageError:
        return None  # of an older version, or not whole: it says nothing of when it is due


def faults_in_force(url: str) -> tuple[Lease, ...]:
    """Raises RefusedError where the injector does not answer."""
    with injector_client(url) as client:
        try:
            return Injector(client).leases()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _silent(url, error) from None


def clear_faults(url: str, owner: str) -> tuple[int, str]:
    """Take back the faults in force (of `owner`, or all). Returns how many, and what speaks against their end."""
    from harness.drill import take_back

    with injector_client(url) as client:
        injector = Injector(client)
        try:
            mine = [lease for lease in injector.leases() if owner in ("", lease.owner)]
            trouble = take_back(injector, mine)
            left = [lease for lease in injector.leases() if owner in ("", lease.owner)]
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _silent(url, error) from None
    if left:
        trouble = trouble or f"the injector still holds {left[0].fault} on {left[0].on}"
    return len(mine) - len(left), trouble


def emit_schedule(path: Path, kind: str, cron: str, zone: str) -> str:
    """The schedule file of `kind` for the drill at `path`. Raises UsageError."""
    drill = load_drill(path)
    longest_s = timeline_of(drill, 1.0).end_s
    return emit(kind, title=drill.title, file=str(path), cron=cron, zone=zone, lasts_s=longest_s)


def _silent(url: str, error: Exception) -> RefusedError:
    advice = "give the admin address that `mock up` prints, and its token in PEAKPROOF_MOCK_TOKEN"
    return RefusedError(Problem(f"no injector answers at {url}: {error or type(error).__name__}", advice))
