"""`peakproof forecast HISTORY`: from what the traffic was to the peak that must be survived."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.terminal import environ, note, printable, show, show_json, width

if TYPE_CHECKING:
    from harness.run import Foreseen


History = Annotated[
    str, typer.Argument(metavar="[HISTORY]", help="Counts, timestamps, a trace, or the address of a Prometheus.")
]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="PEAK.json", help="What a plan's `from` reads.")]
Page = Annotated[Path | None, typer.Option("--html", metavar="PAGE.html", help="The forecast as a page.")]
Quantile = Annotated[float, typer.Option(help="Chance that the peak stays below, 0 to 1.")]
Growth = Annotated[str, typer.Option(metavar="F|LOW/MID/HIGH", help="1.3 is 30 % more traffic than the history has.")]
Horizon = Annotated[int, typer.Option(metavar="DAYS", help="Days ahead.")]
Timezone = Annotated[str, typer.Option(metavar="ZONE", help="Whose days the traffic follows, like Europe/Berlin.")]
LaunchPlan = Annotated[
    Path | None, typer.Option(metavar="LAUNCH.yaml", help="People times habits: alone, or on top of the history.")
]
PromQl = Annotated[str, typer.Option(metavar="PROMQL", help="Of a Prometheus: requests/s, or a counter.")]
Days = Annotated[float, typer.Option(help="Of a Prometheus: so far back.")]
Step = Annotated[str, typer.Option(metavar="DURATION", help="Of a Prometheus: one value each.")]
FormatName = Annotated[str, typer.Option("--format", help="Instead of sniffing.")]
Journeys = Annotated[
    list[str] | None,
    typer.Option("--journey", metavar="NAME=/PATH/*", help="Of a log: these paths are this journey. May be repeated."),
]
Uplifts = Annotated[
    list[str] | None,
    typer.Option(
        "--uplift", metavar="NAME=FACTOR@FROM/TO", help="A known event ahead, by wall clock. May be repeated."
    ),
]
Observed = Annotated[bool, typer.Option("--observed", help="The traffic as it was, to replay it: no forecast.")]
AsJson = Annotated[bool, typer.Option("--json", help="peak.json on stdout.")]


def forecast(
    history: History = "",
    *,
    out: Out = None,
    page: Page = None,
    quantile: Quantile = 0.95,
    growth: Growth = "1",
    horizon: Horizon = 7,
    timezone: Timezone = "UTC",
    launch: LaunchPlan = None,
    query: PromQl = "",
    days: Days = 28.0,
    step: Step = "5m",
    format_name: FormatName = "auto",
    journey: Journeys = None,
    uplift: Uplifts = None,
    observed: Observed = False,
    as_json: AsJson = False,
) -> int:
    """The peak shape with its quantile, its backtest and its honesty label.

    From a history, from a launch file (`peakproof schema launch`), or both. PROMETHEUS_TOKEN is sent to a Prometheus.
    """
    from harness.run import Asked, Query, foresee, spread_of, uplift_of, write_peak

    found = foresee(
        Asked(
            history=history,
            launch=launch,
            format_name=format_name,
            timezone=timezone,
            quantile=quantile,
            growth=spread_of(growth),
            horizon_days=horizon,
            query=Query(query, days, _seconds(step)) if query else None,
            uplifts=tuple(map(uplift_of, uplift or ())),
            observed=observed,
            journeys=tuple(journey or ()),
        ),
        datetime.now(UTC),
    )
    if out is not None:
        write_peak(found.peak, out)
    if page is not None:
        _write_page(found, page)
    if as_json:
        import json

        from harness.forecast import peak_to_json

        show_json(json.loads(peak_to_json(found.peak)))
        return 0
    for text in _told(found):
        show(printable(text))
    for path in filter(None, (out, page)):
        note(f"wrote {path}")
    return 0


def _seconds(step: str) -> float:
    from harness.errors import Problem, UsageError
    from harness.units import parse_duration_s

    try:
        return parse_duration_s(step)
    except ValueError as error:
        raise UsageError(Problem(f"--step: {error}")) from None


def _told(found: Foreseen) -> list[str]:
    """The result, line by line; the chart first, the sentence that a decision is taken on last."""
    from harness.forecast import chart_text, mix_words
    from harness.guard.redaction import redact

    lines = []
    if found.forecast is not None:
        plain = environ().get("TERM") == "dumb" or (sys.stdout.encoding or "").lower() not in ("utf-8", "utf8")
        lines += [*chart_text(found.forecast, width(), plain=plain).splitlines(), ""]
        history = found.forecast.history
        intake = history.intake
        lines.append(
            f"history   {history.name}: {history.format}, {intake.rows_in:,} rows in, {intake.rows_used:,} used"
        )
        lines += [f"          line {i.first_line}: {i.count:,} rows {i.kind}: {i.what}" for i in intake.issues]
        lines += [f"          {finding}" for finding in intake.findings]
    if found.peak.mix:
        lines.append(f"mix       {mix_words(found.peak.mix_over_time, found.peak.mix)}")
    lines += [f"note      {text}" for text in found.peak.notes]
    lines += [f"label     {found.peak.label}", f"peak      {found.peak.sentence}"]
    return [redact(line) for line in lines]


def _write_page(found: Foreseen, path: Path) -> None:
    from harness.report import forecast_html
    from harness.store import write_text

    write_text(path, forecast_html(found.peak, found.forecast))
