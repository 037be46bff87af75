"""`peakproof compare`, `baseline` and `history`: runs held against runs, without any load."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.terminal import color_wanted, environ, note, show, show_json, width
from harness.errors import ExitCode

Root = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where the run folders are.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
Baseline = Annotated[Path, typer.Option("--file", metavar="FILE", help="The baseline, to be kept beside the plan.")]
Page = Annotated[Path | None, typer.Option("--html", metavar="PAGE.html", help="As a page too: one file, no script.")]
BASELINE = Path("baseline.json")


def compare(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="A run (folder or id), or a baseline file.")],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run to hold against it.")],
    *,
    tolerance: Annotated[float, typer.Option(help="Growth of a bad share that is no regression, of the base's.")] = 0.1,
    floor: Annotated[float, typer.Option(help="Bad shares below this are nobody's concern.")] = 0.001,
    anyway: Annotated[bool, typer.Option("--anyway", help="Compare unlike runs all the same.")] = False,
    page: Page = None,
    runs: Root = Path("runs"),
    as_json: AsJson = False,
) -> int:
    """Two runs by the difference of their bad shares, at their effective sizes.

    A regression needs a difference beyond the tolerance, a share above the floor, and significance (1 %). Unlike runs
    (plan, target, machine) are refused. Exit codes: 0 no regression shown, 99 regressed, 3 refused.
    """
    from harness.analysis import Tolerance
    from harness.report import comparison_html, differences_text
    from harness.run import compare_runs
    from harness.store import write_text

    found = compare_runs(base, run, runs, Tolerance(relative=tolerance, floor=floor), anyway=anyway)
    sides = found.base, found.new
    names, verdicts = (sides[0].name, sides[1].name), (sides[0].verdict, sides[1].verdict)
    if page is not None:
        write_text(page, comparison_html(found.differences, names, verdicts, regressed=found.regressed))
        note(f"wrote {page}")
    if as_json:
        changes = [_plain(d) for d in found.differences]
        show_json({"base": found.base.name, "run": found.new.name, "regressed": found.regressed, "slos": changes})
    else:
        show(differences_text(found.differences, names, verdicts, regressed=found.regressed).rstrip("\n"))
    return ExitCode.FAIL if found.regressed else ExitCode.PASS


def baseline() -> typer.Typer:
    """The commands `baseline set` and `baseline show`."""
    app = typer.Typer(help="The good run that later ones are compared with.", no_args_is_help=True)
    app.command("set")(_set)
    app.command("show")(_show_baseline)
    return app


def _set(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run that passed: its folder or its id.")],
    *,
    file: Baseline = BASELINE,
    force: Annotated[bool, typer.Option("--force", help="Take a FAIL or INCONCLUSIVE run too.")] = False,
    runs: Root = Path("runs"),
) -> int:
    """Keep a run as the baseline, in one small file to commit. `peakproof compare baseline.json RUN` uses it."""
    from harness.run import set_baseline

    kept = set_baseline(run, runs, file, force=force)
    note(f"wrote {file}: run {kept.run_id}, {kept.verdict.word.value}, plan {kept.plan}")
    return 0


def _show_baseline(file: Baseline = BASELINE, as_json: AsJson = False) -> int:
    """The baseline in words."""
    from harness.report import Report, Run, summary_text
    from harness.run import read_text
    from harness.store import baseline_from_text

    text = read_text(file)
    kept = baseline_from_text(text, str(file))
    if as_json:
        show(text.rstrip("\n"))
        return 0
    run = Run(
        run_id=kept.run_id,
        target=kept.target,
        repeat=f"peakproof compare {file} RUN",
        plan_name=kept.plan,
        plan_hash=kept.plan_hash,
        report_path=str(file),
    )
    show(summary_text(Report(kept.verdict, run), width=width(), color=color_wanted(sys.stdout, environ())))
    return 0


def history() -> typer.Typer:
    """The commands `history list`, `show` and `trend`."""
    app = typer.Typer(help="Past runs.", no_args_is_help=True)
    app.command("list")(_list)
    app.command("show")(_show_run)
    app.command("trend")(_trend)
    return app


def _list(
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    plan: Annotated[str, typer.Option(help="Only runs of this plan: its file's name, or its hash.")] = "",
    verdict: Annotated[str, typer.Option(help="Only PASS, FAIL, INCONCLUSIVE or INVALID.")] = "",
    page: Page = None,
    runs: Root = Path("runs"),
    as_json: AsJson = False,
) -> int:
    """A line a run, then how each drill stands: one that says `every` and told nothing for longer is OVERDUE."""
    from harness.report import drills_text, history_html, history_text
    from harness.run import standings
    from harness.store import history as past
    from harness.store import trend, write_text

    found = past(runs, limit=limit, plan=plan, verdict=verdict.upper())
    drills = [] if plan or verdict else standings(runs, datetime.now(UTC))
    if page is not None:
        ids = {run.run_id for run in found}
        checks = [check for check in trend(runs, plan=plan, limit=limit * 200) if check.run_id in ids]
        write_text(page, history_html(found, checks, str(runs), drills))
        note(f"wrote {page}")
    if as_json:
        show_json([_plain(run) for run in found])
    else:
        show(history_text(found, width(), color_wanted(sys.stdout, environ())).rstrip("\n"))
        if drills:
            show("\n" + drills_text(drills, width()).rstrip("\n"))
    return 0


def _show_run(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run: its folder or its id.")],
    runs: Root = Path("runs"),
) -> int:
    """The summary of one past run, as it was judged."""
    from harness.report import summary_text
    from harness.run import stored_report

    show(summary_text(stored_report(run, runs), width=width(), color=color_wanted(sys.stdout, environ())))
    return 0


def _trend(
    slo: Annotated[str, typer.Argument(metavar="SLO", help="How the SLO's text begins: 'ttft p95'.")],
    *,
    plan: Annotated[str, typer.Option(help="Only runs of this plan.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The last so many.")] = 50,
    runs: Root = Path("runs"),
    as_json: AsJson = False,
) -> int:
    """How one SLO went over past runs, oldest first."""
    from harness.report import trend_text
    from harness.store import trend

    found = trend(runs, slo, plan=plan, limit=limit)
    if as_json:
        show_json([_plain(check) for check in found])
    else:
        show(trend_text(found, width(), color_wanted(sys.stdout, environ())).rstrip("\n"))
    return 0


def _plain(record: Any) -> dict[str, Any]:
    """A record as JSON knows it: an infinite value (so many failed) is written out, an undefined one is null."""
    fields = asdict(record)
    odd = {name: value for name, value in fields.items() if isinstance(value, float) and not math.isfinite(value)}
    return fields | {name: None if math.isnan(value) else str(value) for name, value in odd.items()}
