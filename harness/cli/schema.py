"""`peakproof schema`: the JSON Schema of a file kind."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.completion import kinds
from harness.cli.terminal import show, show_json
from harness.errors import Problem, UsageError


def schema(
    kind: Annotated[str, typer.Argument(metavar="plan|slo", help="Which kind of file.", autocompletion=kinds)],
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The reference for people instead (of both kinds).")
    ] = False,
) -> None:
    """Print the JSON Schema of a file kind."""
    from harness.config import KINDS, json_schema
    from harness.config.reference import reference

    if kind not in KINDS:
        raise UsageError(Problem(f"no schema for {kind!r}", f"kinds: {', '.join(KINDS)}"))
    if markdown:
        show(reference().rstrip())
    else:
        show_json(json_schema(kind))
