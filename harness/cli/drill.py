"""`peakproof drill list | run | status | stop | rollback | schedule`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.live import Live
from harness.cli.run import MetricsAt, serving
from harness.cli.terminal import color_wanted, environ, note, show, show_json, width
from harness.errors import ExitCode, RefusedError

if TYPE_CHECKING:
    from harness.drill import Drill, Standing
    from harness.run import DrillFinished

Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where run folders are made.")]
AsJson = Annotated[bool, typer.Option("--json", help="Data on stdout instead of words.")]
At = Annotated[str, typer.Option("--injector", metavar="URL", help="The mocks' admin address (`mock up` prints it).")]


def group() -> typer.Typer:
    app = typer.Typer(help="Break a dependency under load, see degraded mode in time, see it come back.")
    app.command("list")(list_drills)
    app.command("run")(run)
    app.command("status")(status)
    app.command("stop")(stop)
    app.command("rollback")(rollback)
    app.command("schedule")(schedule)
    return app


def list_drills(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A folder of drill files.")] = Path("drills"),
    *,
    runs: Runs = Path("runs"),
    as_json: AsJson = False,
) -> int:
    """The drills of a folder: number, file, how it stands by the history of runs, hypothesis. A drill that says `every`
    and has told nothing for longer is overdue. A file that cannot be read is named, and the exit code is 2.
    """
    from harness.report import stands
    from harness.run import list_drills as found_in
    from harness.run import standing_of

    found, problems = found_in(folder)
    now = datetime.now(UTC)
    known_of = [standing_of(drill, runs, now) for _, drill in found]
    if as_json:
        show_json([_listed(path, drill, known) for (path, drill), known in zip(found, known_of, strict=True)])
    else:
        for (path, drill), known in zip(found, known_of, strict=True):
            show(f"{drill.number or '':>3}  {path!s:<40}  {stands(known):<32}  {drill.title}")
    for problem in problems:
        note(problem)
    return ExitCode.USAGE if problems else ExitCode.PASS


def _listed(path: Path, drill: Drill, known: Standing) -> dict[str, Any]:
    overdue_s = known.overdue_s if known.overdue_s < float("inf") else None
    return {
        "file": str(path),
        "number": drill.number,
        "title": drill.title,
        "plan": str(drill.plan),
        "last": known.last and {"run_id": known.last.run_id, "result": known.last.result},
        "overdue": known.overdue_s > 0,
        "overdue_s": overdue_s,
    }


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A drill file.")],
    *,
    short: Annotated[
        bool, typer.Option("--short", help="With its `short:` laid over it: seconds, not minutes.")
    ] = False,
    weak: Annotated[
        bool, typer.Option("--weak", help="With its `weakness:` in the mock app: it must not hold.")
    ] = False,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Replace one value of the drill.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the plan's own seed.")] = None,
    owned: Annotated[
        bool, typer.Option("--i-own-this-target", help="The hosts in allow_hosts are mine to load and to break.")
    ] = False,
    runs: Runs = Path("runs"),
    stop_port: Annotated[
        int, typer.Option("--stop-port", min=0, max=65535, help="Port of the kill switch on loopback; 0: a free one.")
    ] = 0,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML as well.")] = None,
    metrics_port: MetricsAt = None,
    as_json: AsJson = False,
) -> int:
    """Carry out one drill: baseline, fault, degraded mode, revert, recovery, verdict.

    `peakproof drill stop`, `touch RUNS/STOP` or Ctrl-C ends load and fault at once. Exit codes: 0 held, 98 an
    expectation was missed, 97 the rollback could not be confirmed, 5 INVALID, 3 not run or refused, 2 the file is
    wrong, 130 interrupted.
    """
    from harness.report import drill_junit, drill_openmetrics
    from harness.run import drill_now, read_drill

    asked = read_drill(file, short=short, weak=weak, sets=sets or (), seed=seed, owned=owned)
    with serving(metrics_port) as port:
        with Live(sys.stderr, tell=port.show if port else None) as live:
            finished = drill_now(asked, runs, live.watch, stop_port, port.opened if port else None)
        if junit is not None:
            junit.write_text(drill_junit(finished.report), "utf-8")
        code = show_drill(finished, as_json)
        if port is not None and code != ExitCode.INTERRUPTED:
            port.end(drill_openmetrics(finished.report))
            port.linger()
    return code


def show_drill(finished: DrillFinished, as_json: bool) -> int:
    """What came of a drill, on stdout; its exit code."""
    from harness.report import drill_document, drill_summary

    if as_json:
        show_json(drill_document(finished.report))
    else:
        show(drill_summary(finished.report, width=width(), color=color_wanted(sys.stdout, environ())))
    interrupted = finished.interrupted and finished.verdict.rollback_confirmed
    return ExitCode.INTERRUPTED if interrupted else finished.verdict.exit_code


def status(
    *,
    injector: Annotated[str, typer.Option("--injector", metavar="URL", help="Ask the mocks there instead.")] = "",
    runs: Runs = Path("runs"),
    as_json: AsJson = False,
) -> int:
    """The drills under way in a folder of runs; with --injector, the faults in force there.

    Exit code 0 whether there are some or none, 3 where one does not answer.
    """
    from harness.run import faults_in_force, running_drills

    if not injector:
        return _show_running([drill.ask() for drill in running_drills(runs)], as_json)
    leases = faults_in_force(injector)
    if as_json:
        show_json([{"id": x.id, "on": x.on, "fault": x.fault, "owner": x.owner} for x in leases])
    elif leases:
        for lease in leases:
            show(f"{lease.id:<6} {lease.fault:<18} on {lease.on:<20} owner {lease.owner or '-'}")
    else:
        show("no fault is in force")
    return ExitCode.PASS


def _show_running(drills: list[Mapping[str, Any]], as_json: bool) -> int:
    if as_json:
        show_json(list(drills))
    elif not drills:
        show("no drill is running")
    else:
        for drill in drills:
            faults = ", ".join(drill["faults"]) or "no fault"
            show(f"{drill['run_id']:<6} {drill['phase']:<9} {faults:<30} {drill['target']:<28} {drill['title']}")
    return ExitCode.PASS


def stop(
    run_id: Annotated[str, typer.Argument(metavar="[RUN]", help="Only this one, as `drill status` names it.")] = "",
    *,
    runs: Runs = Path("runs"),
) -> int:
    """The kill switch: end load and faults of the drills under way, now. The drill's own terminal then says what came
    of it. Exit code 3 where none is running, or one does not answer.
    """
    from harness.run import running_drills

    drills = running_drills(runs, run_id)
    stopped = 0
    for drill in drills:
        try:
            said = drill.stop()
        except RefusedError as error:  # the others are to be stopped all the same
            note(str(error))
        else:
            stopped += 1
            show(f"{drill.run_id}: load and faults end now ({said['title']})")
    if not drills:
        note(f"no drill is running under {runs}")
    return ExitCode.PASS if drills and stopped == len(drills) else ExitCode.REFUSED


def rollback(
    *,
    injector: At,
    owner: Annotated[str, typer.Option(help="Only the faults of this owner, as `drill status` names it.")] = "",
) -> int:
    """Take back every fault in force, and look whether it is gone. Exit code 97 where one may still be active."""
    from harness.run import clear_faults

    cleared, trouble = clear_faults(injector, owner)
    show(f"{cleared} {'fault' if cleared == 1 else 'faults'} taken back")
    if trouble:
        note(f"FAULT MAY STILL BE ACTIVE: {trouble}")
        return ExitCode.ROLLBACK_NOT_CONFIRMED
    return ExitCode.PASS


def schedule(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A drill file.")],
    *,
    emit: Annotated[str, typer.Option("--emit", help="github, gitlab, k8s, crontab or systemd.")],
    cron: Annotated[
        str, typer.Option("--cron", help="Five fields; an odd minute spares the crowded full hour.")
    ] = "17 10 * * 2",
    zone: Annotated[str, typer.Option("--zone", help="A time zone, where the scheduler takes one.")] = "UTC",
) -> int:
    """Print the file that makes a scheduler of yours run the drill; peakproof has no daemon of its own."""
    from harness.run import emit_schedule

    show(emit_schedule(file, emit, cron, zone).rstrip("\n"))
    return ExitCode.PASS
