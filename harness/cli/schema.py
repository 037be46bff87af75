"""`peakproof schema`: the JSON Schema of a file kind."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.terminal import show_json
from harness.errors import Problem, UsageError


def schema(kind: Annotated[str, typer.Argument(metavar="plan|slo", help="Which kind of file.")]) -> None:
    """Print the JSON Schema of a file kind."""
    from harness.config import KINDS, json_schema

    if kind not in KINDS:
        raise UsageError(Problem(f"no schema for {kind!r}", f"kinds: {', '.join(KINDS)}"))
    show_json(json_schema(kind))
