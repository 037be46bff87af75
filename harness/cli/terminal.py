"""What the commands print with: the result on stdout, everything else on stderr, colour only where it is wanted."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from harness.guard.redaction import redact

_COLORS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def color_wanted(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a stream takes colour: a terminal that is not dumb, and nobody said NO_COLOR (https://no-color.org)."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


def paint(text: str, color: str, stream: TextIO) -> str:
    """`text` in a colour where the stream takes one. Never the only carrier of a meaning."""
    return f"\x1b[{_COLORS[color]}m{text}\x1b[0m" if color_wanted(stream, os.environ) else text


def printable(text: str) -> str:
    """`text` without what could steer a terminal: control characters are shown, not sent."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text)


def show(text: str) -> None:
    """A line of the result, on stdout."""
    print(text, flush=True)  # noqa: T201 -- the one place that prints results


def show_json(value: Any) -> None:
    """The result as JSON, on stdout, without secrets. ASCII: nothing in it can steer a terminal."""
    print(json.dumps(_without_secrets(value), indent=2, allow_nan=False))  # noqa: T201 -- as above


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _without_secrets(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(child) for child in value]
    return value


def note(text: str) -> None:
    """A line for the person at the terminal, on stderr."""
    print(printable(redact(text)), file=sys.stderr)  # noqa: T201 -- the one place that prints notes


def show_error(text: str) -> None:
    """What went wrong, on stderr, without secrets."""
    print(f"{paint('error', 'red', sys.stderr)}: {printable(redact(text))}", file=sys.stderr)  # noqa: T201 -- as above


def environ() -> Mapping[str, str]:
    return os.environ


def width() -> int:
    """Columns of the summary: the terminal's, between 80 and 120; 100 where there is none."""
    return min(120, max(80, shutil.get_terminal_size((100, 24)).columns))


def interactive(stream: TextIO, variables: Mapping[str, str]) -> bool:
    """Whether lines may be redrawn: a terminal that is not dumb, outside a pipeline."""
    return stream.isatty() and variables.get("TERM") != "dumb" and not variables.get("CI")
