"""`peakproof doctor`: are this machine and this target ready."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.completion import profiles
from harness.cli.terminal import paint, printable, show, show_json
from harness.errors import ExitCode


def doctor(
    plan: Annotated[
        Path | None, typer.Argument(help="Look at what this plan needs, and at its target, as well.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="An overlay of the plan's `profiles:`.", autocompletion=profiles)
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Replace one value of the plan.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> int:
    """Is this machine, and this target, ready?

    Examines descriptors, cores, ports, clock, memory, disk; with a plan also its secrets, fixed ports and target.
    Exit 0 (ready) or 3 (not ready).
    """
    from harness.config import load_plan, secrets_of
    from harness.guard import diagnose, findings_to_json, is_ready

    loaded = load_plan(plan, sets or (), profile, os.environ) if plan else None
    findings = diagnose(loaded, secrets_of(loaded) if loaded else (), Path("runs"), os.environ)
    ready = is_ready(findings)
    if as_json:
        show_json(findings_to_json(findings))
        return ExitCode.PASS if ready else ExitCode.REFUSED
    colors = {"ok": "green", "warn": "yellow", "stop": "red"}
    for finding in findings:
        word = paint(f"{finding.level:<5}", colors[finding.level], sys.stdout)
        advice = f" ({finding.advice})" if finding.advice else ""
        show(f"{word} {printable(f'{finding.subject:<14} {finding.what}{advice}')}")
    show(paint("ready", "green", sys.stdout) if ready else paint("not ready", "red", sys.stdout))
    return ExitCode.PASS if ready else ExitCode.REFUSED
