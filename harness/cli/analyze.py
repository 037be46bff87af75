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
    from harness.cli.drill import show_drill
    from harness.report import summary_text
    from harness.run import is_drill, judge_any, judge_drill_again, verdict_document
    from harness.store import open_run

    if slo is None and rows.is_dir() and is_drill(folder := open_run(rows)):
        return show_drill(judge_drill_again(folder), as_json)
    report = judge_any(rows, slo, smoke=smoke)
    if as_json:
        show_json(verdict_document(report))
    else:
        show(summary_text(report, width=width(), color=color_wanted(sys.stdout, environ())))
    return report.verdict.exit_code


FORMATS = (
    "html, json, junit, md, text, annotations, codequality, openmetrics, prometheus, csv, parquet; several with commas."
)
Hook = Annotated[str, typer.Option("--webhook", metavar="URL", help="POST the verdict there where it changed.")]
Slack = Annotated[str, typer.Option("--slack", metavar="URL", help="The same to a Slack incoming webhook.")]


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    *,
    formats: Annotated[str, typer.Option("--format", "-f", help=FORMATS)] = "html",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="Instead of the run's folder.")] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Step summary, outputs and annotations of a GitHub step.")
    ] = False,
    webhook: Hook = "",
    slack: Slack = "",
    always: Annotated[bool, typer.Option("--always", help="Tell the webhooks even where nothing changed.")] = False,
) -> int:
    """Write a run's report again, in any format. The verdict is computed anew from the rows."""
    from harness.run import export_run

    for path in export_run(run, tuple(name.strip() for name in formats.split(",") if name.strip()), out):
        note(f"wrote {path}")
    if github or webhook or slack:
        _tell(run, github, {"webhook": webhook, "slack": slack}, always)
    return 0


def _tell(run: Path, github: bool, addresses: dict[str, str], always: bool) -> None:
    from harness.run import announce, judge_run, previous_word, tell_github
    from harness.store import open_run

    folder = open_run(run)
    told = judge_run(folder, keep=False)
    if github:
        for command in tell_github(told):
            show(command)
    for kind, address in addresses.items():
        if address:
            sent = announce(told, previous_word(folder), address, slack=kind == "slack", always=always)
            note(f"{kind}: {'sent' if sent else 'not sent, the verdict has not changed'}")
