"""`peakproof forecast HISTORY`: from what the traffic was to the peak that must be survived."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.terminal import note, show, show_json


def forecast(
    history: Annotated[Path, typer.Argument(metavar="HISTORY", help="Counts, timestamps, or a trace.")],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="PEAK.json", help="What a plan's `from` reads.")
    ] = None,
    quantile: Annotated[float, typer.Option(help="Chance that the peak stays below, 0 to 1.")] = 0.95,
    growth: Annotated[float, typer.Option(help="1.3 is 30 % more traffic than the history has.")] = 1.0,
    horizon: Annotated[int, typer.Option(metavar="DAYS", help="Days ahead.")] = 7,
    format_name: Annotated[str, typer.Option("--format", help="Instead of sniffing.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="peak.json on stdout.")] = False,
) -> int:
    """The peak shape with its quantile, its backtest and its honesty label."""
    from harness.forecast import peak_to_json
    from harness.run import forecast_file

    found = forecast_file(history, out, format_name=format_name, quantile=quantile, growth=growth, horizon_days=horizon)
    peak, intake = found.peak, found.history.intake
    if as_json:
        import json

        show_json(json.loads(peak_to_json(peak)))
        return 0
    show(
        f"history   {found.history.name}: {found.history.format}, {intake.rows_in:,} rows in, {intake.rows_used:,} used"
    )
    for issue in intake.issues:
        show(f"          line {issue.first_line}: {issue.count:,} rows {issue.kind}: {issue.what}")
    for finding in intake.findings:
        show(f"          {finding}")
    show(f"label     {peak.label}")
    show(f"peak      {peak.sentence}")
    for text in peak.notes:
        show(f"note      {text}")
    if out is not None:
        note(f"wrote {out}")
    return 0
