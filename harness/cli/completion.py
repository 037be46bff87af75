"""What the shell offers after TAB. Each looks up what it offers when it is asked, never at the start."""

from __future__ import annotations

from pathlib import Path

import typer

from harness.errors import PeakproofError


def templates(incomplete: str) -> list[str]:
    """The templates of `init`."""
    from harness.config.starter import TEMPLATES

    return [name for name in TEMPLATES if name.startswith(incomplete)]


def kinds(incomplete: str) -> list[str]:
    """The file kinds of `schema`."""
    from harness.config import KINDS

    return [name for name in KINDS if name.startswith(incomplete)]


def terms(incomplete: str) -> list[str]:
    """The topics and terms of `explain`."""
    from harness.cli.terms import TOPICS, look_up

    names = dict.fromkeys([*TOPICS, *(entry.name.replace(" ", "-") for entry in look_up(""))])
    return [name for name in names if name.lower().startswith(incomplete.lower())]


def profiles(context: typer.Context, incomplete: str) -> list[str]:
    """The overlays of the plan that stands on the command line, else of the plan in this folder."""
    from harness.config import profile_names

    # While a line is being completed its positional words are still unread, in `args`.
    plan = next((word for word in context.args if word.endswith((".yaml", ".yml"))), "plan.yaml")
    try:
        names = profile_names(Path(plan))
    except PeakproofError:
        return []  # a plan that cannot be read has nothing to offer; the command itself says why
    return [name for name in names if name.startswith(incomplete)]
