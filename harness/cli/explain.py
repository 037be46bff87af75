"""`peakproof explain`: the dictionary, offline."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.completion import terms
from harness.cli.terminal import show, show_json


def explain(
    term: Annotated[
        str,
        typer.Argument(
            help="ttft, throttled, exit-codes, limits.in_flight, ... or nothing for all.", autocompletion=terms
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> None:
    """The dictionary: metrics, outcomes, exit codes."""
    from harness.cli.terms import look_up

    found = look_up(term)
    if as_json:
        show_json({entry.name: {"topic": entry.topic, "text": entry.text} for entry in found})
        return
    for entry in found:
        show(f"{entry.name}\n    {entry.text}" if len(found) == 1 else f"{entry.name:<22} {entry.text}")
