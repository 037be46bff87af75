"""`peakproof plan`: a dry run. What would be sent, when, and at what cost; nothing is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.completion import profiles
from harness.cli.terminal import printable, show, show_json
from harness.errors import ExitCode


def plan(
    file: Annotated[Path, typer.Argument(metavar="[PLAN]", help="A plan file.")] = Path("plan.yaml"),
    *,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Replace one value of the plan.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="An overlay of the plan's `profiles:`.", autocompletion=profiles)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the plan's own seed.")] = None,
    series: Annotated[
        Path | None,
        typer.Option("--rate-series", metavar="FILE", help="Also write the planned rates, as AIPerf reads."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> int:
    """What a run would do: phases, arrivals, cost.

    Sends nothing and starts nothing. Exit 0, 2 (the plan is wrong) or 3 (it would exceed its own limits).
    """
    from harness.forecast import rate_series
    from harness.guard.estimate import estimate, estimate_lines
    from harness.run import read_inputs
    from harness.store import write_text

    inputs = read_inputs(file, sets=sets or (), profile=profile, seed=seed)
    load, asked = inputs.load, inputs.plan
    if series is not None:
        write_text(series, rate_series(load.shape))
    found = estimate(load.shape, load.arrivals, inputs.rules.judge_phases, asked.limits, asked.prices)
    if as_json:
        show_json({"target": asked.target, "seed": inputs.seed, "smoke": asked.smoke, **found.to_json()})
    else:
        words = " (a mock of this plan)" if asked.target_upstream else ""
        show(printable(f"target       {asked.target}{words}, seed {inputs.seed}{', smoke' if asked.smoke else ''}"))
        for line in estimate_lines(found):
            show(printable(line))
    return ExitCode.REFUSED if found.over else ExitCode.PASS
