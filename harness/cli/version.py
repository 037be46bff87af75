"""`peakproof version`."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

from harness import COMMAND, __version__
from harness.cli.terminal import show, show_json


def version(as_json: Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")] = False) -> None:
    """Print the version."""
    if as_json:
        show_json({"version": __version__, "python": platform.python_version(), "platform": platform.platform()})
    else:
        show(f"{COMMAND} {__version__} (Python {platform.python_version()}, {platform.system()} {platform.machine()})")
