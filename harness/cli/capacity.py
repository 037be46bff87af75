"""`peakproof capacity PLAN`: how much the target carries, as a bracket, and what to provision."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.completion import profiles
from harness.cli.live import Live
from harness.cli.run import AsJson, Owned, Runs, Sets
from harness.cli.terminal import color_wanted, environ, note, show, show_json, width
from harness.errors import ExitCode


def capacity(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file; its mix, tokens and SLOs are kept.")],
    *,
    start: Annotated[str, typer.Option("--from", metavar="RATE", help="A safe rate: 10/s. Half the plan's top.")] = "",
    end: Annotated[str, typer.Option("--to", metavar="RATE", help="No step goes beyond it. 8 x the plan's top.")] = "",
    step: Annotated[str, typer.Option(metavar="TIME", help="How long each step is judged: 2m.")] = "",
    soak: Annotated[str, typer.Option(metavar="TIME", help="The last run, at proven; 0s: none.")] = "",
    budget: Annotated[str, typer.Option(metavar="TIME", help="For all of it: 60m.")] = "",
    short: Annotated[bool, typer.Option("--short", help="The smoke form, about two minutes.")] = False,
    relief: Annotated[bool, typer.Option(help="Double the suspected limit of a mock, to confirm it.")] = True,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a search that was cut off.")] = None,
    sets: Sets = None,
    profile: Annotated[
        str | None, typer.Option(help="An overlay of the plan's `profiles:`.", autocompletion=profiles)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the plan's own seed.")] = None,
    owned: Owned = False,
    runs: Runs = Path("runs"),
    as_json: AsJson = False,
) -> int:
    """Search the highest rate that the target sustains inside its SLOs: {proven, estimate, disproven}.

    Steps of x1.5 up from a safe rate until one fails, then rates in between, then a soak at proven; each step is a
    judged run under runs/ID/steps. Exit codes: 0 the forecast peak is proven (without one: some rate is), 99 it is
    disproven, 4 undecided, 5 no step could be trusted, 130 interrupted (--resume goes on).
    """
    from harness.report import summary_text
    from harness.run import Audience, Effort, read_inputs, search_capacity, search_document

    effort = Effort(
        start_per_s=_rate(start),
        end_per_s=_rate(end),
        step_s=_time(step),
        soak_s=_time(soak),
        budget_s=_time(budget),
        short=short,
        relief=relief,
    )
    inputs = read_inputs(plan, sets=sets or (), profile=profile, seed=seed, owned=owned)
    asked = {"--from": start, "--to": end, "--step": step, "--soak": soak, "--budget": budget}
    flags = [word for option, value in asked.items() if value for word in (option, value)]
    flags += ["--short"] * short + ["--no-relief"] * (not relief)
    inputs = replace(inputs, options=(*inputs.options, *flags))
    with Live(sys.stderr, inputs.slos) as live:
        audience = Audience(_say(live), live.watch, live.opened)
        found = search_capacity(inputs, runs, effort, resume, audience)
    if found.interrupted:
        note(f"cut off; go on with: peakproof capacity {plan} --resume {found.folder.path}")
    if found.report is None:
        return ExitCode.INTERRUPTED
    if as_json:
        show_json(search_document(found.report, found.folder))
    else:
        show(summary_text(found.report, width=width(), color=color_wanted(sys.stdout, environ())))
    return ExitCode.INTERRUPTED if found.interrupted else found.report.verdict.exit_code


def _say(live: Live) -> Any:
    def say(text: str) -> None:
        live.clear()
        note(text)

    return say


def _rate(text: str) -> float | None:
    from harness.units import parse_rate_per_s

    return _parsed(parse_rate_per_s, text)


def _time(text: str) -> float | None:
    from harness.units import parse_duration_s

    return _parsed(parse_duration_s, text)


def _parsed(parse: Callable[[str], float], text: str) -> float | None:
    try:
        return parse(text) if text else None
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None
