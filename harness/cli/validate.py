"""`peakproof validate`: is a file right, all of it, without any network."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.terminal import note, paint, printable, show, show_json
from harness.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.config.check import Checked


def validate(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Plans, SLO, drill and launch files [plan.yaml].")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Replace one value of the plans.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False,
) -> int:
    """Check plans, SLO files, drills and launch files, offline.

    Fields, units, references, files they name, every overlay of `profiles:`. All problems at once. Exit 0 or 2.
    """
    from harness.guard.redaction import redact

    checked = [_checked(path, sets or ()) for path in files or [Path("plan.yaml")]]
    wrong = [problem for one in checked for problem in one.problems]
    if as_json:
        show_json([one.to_json() for one in checked])
        return ExitCode.USAGE if wrong else ExitCode.PASS
    for one in checked:
        for problem in one.problems:
            note(str(problem))
        for text in one.notes:
            note(f"{one.file}: {paint('note', 'yellow', sys.stderr)}: {text}")
        count = len(one.problems)
        word = (
            paint("ok", "green", sys.stdout)
            if not count
            else paint(f"{count} problem{'s' * (count > 1)}", "red", sys.stdout)
        )
        show(f"{printable(redact(one.file))}: {word}")
    return ExitCode.USAGE if wrong else ExitCode.PASS


def _checked(path: Path, sets: Sequence[str]) -> Checked:
    from harness.config.check import Checked, check_file, kind_of_file

    if kind_of_file(path) != "drill":
        return check_file(path, os.environ, sets)
    from harness.drill import load_drill

    try:
        load_drill(path, sets=sets, environ=os.environ)
    except UsageError as error:
        return Checked(str(path), "drill", error.problems)
    return Checked(str(path), "drill")
