"""`peakproof analyze` and `peakproof report`: judge again, print again, without any load."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.terminal import color_wanted, environ, note, show, show_json, width


def analyze(
    rows: Annotated[Path, typer.Argument(metavar="ROWS|RUN", help="Rows of any tool, or one of our run folders.")],
    slo: Annotated[Path | None, typer.Option(help="The promises; a run folder has its own.")] = None,
    smoke: Annotated[bool, typer.Option("--smoke", help="Waive the minimum duration, and say so.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The verdict as JSON on stdout.")] = False,
) -> int:
    """A verdict from rows that are there already: recorded by k6, vegeta, JMeter, Locust, GuideLLM or AIPerf (found by
    their own first line), a CSV of ours, or an old run.

    Columns of our CSV, in seconds from the run's start: due_s (else sent_s), finished_s (else latency_s), outcome
    (else status); optional first_token_s, journey, phase, tokens_out. Exit codes as of `run`.
    """
    from harness.report import summary_text
    from harness.run import judge_any, verdict_document

    report = judge_any(rows, slo, smoke=smoke)
    if as_json:
        show_json(verdict_document(report))
    else:
        show(summary_text(report, width=width(), color=color_wanted(sys.stdout, environ())))
    return report.verdict.exit_code


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    formats: Annotated[
        str, typer.Option("--format", "-f", help="html, json, junit, md, csv, parquet, text; several with commas.")
    ] = "html",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Instead of the run's folder.")] = None,
) -> int:
    """Write a run's report again, in any format. The verdict is computed anew from the rows."""
    from harness.run import export_run

    for path in export_run(run, tuple(name.strip() for name in formats.split(",") if name.strip()), out):
        note(f"wrote {path}")
    return 0
