"""`peakproof init`: a first plan."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from harness import COMMAND
from harness.cli.completion import templates
from harness.cli.terminal import note, show


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write; made if it is missing.")] = Path(),
    template: Annotated[
        str,
        typer.Option(
            "--template",
            "-t",
            help="chat, rag, agent, gateway, self-hosted, openai or anthropic.",
            autocompletion=templates,
        ),
    ] = "chat",
    target: Annotated[
        str, typer.Option(help="Base URL for the openai template, as SDKs take it: https://host/v1.")
    ] = "",
    model: Annotated[str, typer.Option(help="Model for the openai template.")] = "",
    key: Annotated[str, typer.Option(help="Name of the environment variable with the API key; none: no key.")] = "",
    *,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace files that are there.")] = False,
) -> None:
    """Write a first plan.yaml and slo.yaml."""
    from harness.config import is_loopback, load_plan, secrets_of
    from harness.config.starter import starter_files, write_starter

    for path in write_starter(folder, starter_files(template, target, model, key), force):
        show(str(path))
    path = folder / "plan.yaml"
    plan = load_plan(path, environ=os.environ)
    steps = [f"export {name}=..." for name in secrets_of(plan) if not os.environ.get(name)]
    steps += [f"{COMMAND} validate {path}", f"{COMMAND} doctor {path}"]
    owned = "" if plan.target_upstream or is_loopback(plan.target_host) else " --i-own-this-target"
    steps.append(f"{COMMAND} run {path} --profile smoke{owned}")
    note("\n".join(["next:", *(f"  {step}" for step in steps)]))
