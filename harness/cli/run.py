"""`peakproof run PLAN` and `peakproof demo`: the main job."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.completion import profiles
from harness.cli.live import Live
from harness.cli.terminal import color_wanted, environ, note, show, show_json, width
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.cli.metrics_port import MetricsPort
    from harness.store import RunFolder

Sets = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=C", help="Replace one value of the plan.")]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where run folders are made.")]
MetricsAt = Annotated[
    int | None,
    typer.Option(
        "--metrics-port", min=0, max=65535, help="Live metrics for a Prometheus, on loopback; 0: a free port."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="verdict.json on stdout instead of the summary.")]
Owned = Annotated[
    bool, typer.Option("--i-own-this-target", help="The hosts in allow_hosts are mine to load; needed beyond loopback.")
]


def run(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")],
    *,
    sets: Sets = None,
    profile: Annotated[
        str | None, typer.Option(help="An overlay of the plan's `profiles:`.", autocompletion=profiles)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the plan's own seed.")] = None,
    owned: Owned = False,
    runs: Runs = Path("runs"),
    metrics_port: MetricsAt = None,
    as_json: AsJson = False,
) -> int:
    """Load the target as the plan says, judge what came of it, and write a report.

    Exit codes: 0 PASS, 99 FAIL, 4 INCONCLUSIVE, 5 INVALID, 2 the plan is wrong, 3 refused, 130 interrupted.
    """
    from harness.run import read_inputs

    inputs = read_inputs(plan, sets=sets or (), profile=profile, seed=seed, owned=owned)
    with serving(metrics_port) as port:
        return _carry(inputs, runs, as_json, port)


@contextlib.contextmanager
def serving(port: int | None) -> Iterator[MetricsPort | None]:
    """The metrics served on `port` of loopback, where one is asked for."""
    if port is None:
        yield None
        return
    from harness.cli.metrics_port import MetricsPort

    with MetricsPort(port) as serves:
        note(f"metrics  {serves.url}")
        yield serves


def demo(
    sets: Sets = None,
    runs: Runs = Path("runs"),
    as_json: AsJson = False,
) -> int:
    """The main job on the embedded mocks, in about a minute.

    Forecasts a peak from two weeks of generated history, then loads copilot, a RAG and tool-using assistant, with a
    slice of it. A smoke run: it shows the tool, it does not certify a launch.
    """
    from harness.run import read_inputs, write_demo

    plan, forecast = write_demo(runs / "demo")
    note(f"forecast  {forecast.peak.sentence}")
    return _carry(read_inputs(plan, sets=sets or ()), runs, as_json)


def _carry(inputs: Any, runs: Path, as_json: bool, port: MetricsPort | None = None) -> int:
    from harness.report import openmetrics, summary_text
    from harness.run import run_now, verdict_document

    with Live(sys.stderr, inputs.slos, tell=port.show if port else None) as live:

        def opened(folder: RunFolder) -> None:
            live.opened(folder)
            if port is not None:
                port.opened(folder)

        finished = run_now(inputs, runs, live.watch, opened)
    if as_json:
        show_json(verdict_document(finished.report))
    else:
        show(summary_text(finished.report, width=width(), color=color_wanted(sys.stdout, environ())))
    if finished.interrupted:
        note("interrupted: verdict and report are of the part that ran, and marked partial")
        return ExitCode.INTERRUPTED
    if port is not None:
        port.end(openmetrics(finished.report))
        port.linger()
    return finished.verdict.exit_code
