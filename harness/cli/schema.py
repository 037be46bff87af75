"""`peakproof schema`: the JSON Schema of a file kind."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.completion import kinds
from harness.cli.terminal import show, show_json
from harness.errors import Problem, UsageError


def schema(
    kind: Annotated[
        str, typer.Argument(metavar="plan|slo|launch|drill", help="Which kind of file.", autocompletion=kinds)
    ],
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The reference for people instead (of both kinds).")
    ] = False,
) -> None:
    """Print the JSON Schema of a file kind."""
    from harness.config import KINDS, json_schema
    from harness.config.reference import reference
    from harness.drill import drill_schema

    if kind not in (*KINDS, "drill"):
        raise UsageError(Problem(f"no schema for {kind!r}", f"kinds: {', '.join(KINDS)}, drill"))
    if markdown:
        show(reference().rstrip())
    else:
        show_json(drill_schema() if kind == "drill" else json_schema(kind))
