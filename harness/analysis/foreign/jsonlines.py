"""JSON lines, with every problem at its line; and wall-clock moments as seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from harness.analysis.assemble import Recorded
from harness.analysis.table import Table
from harness.analysis.view import Floats
from harness.errors import Problem, UsageError
from harness.results import Rows


def objects(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) of each line that is not blank. Raises UsageError at a line that is no JSON object."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise UsageError(Problem("not JSON", "the file is cut or not JSON lines", name, number, 1)) from None
        if not isinstance(value, dict):
            raise UsageError(Problem("not a JSON object", file=name, line=number, column=1))
        yield number, value


def epoch_s(text: str) -> float:
    """An ISO 8601 moment, to the nanosecond it was written with, as seconds since 1970. Raises ValueError."""
    head, dot, tail = text.strip().replace("Z", "+00:00").partition(".")
    if not dot:
        return datetime.fromisoformat(head).timestamp()
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return datetime.fromisoformat(head + tail[digits:]).timestamp() + float(f"0.{tail[:digits] or 0}")


def epoch_unit_s(stamp: float) -> float:
    """Seconds in the unit of an epoch stamp: seconds, milli-, micro- or nanoseconds, by its size."""
    return next((unit for limit, unit in ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6)) if stamp < limit), 1e-9)


def number(source: Mapping[str, Any], *path: str) -> float:
    """A number inside nested objects; NaN where it is absent or null. Raises TypeError where it is something else."""
    value: Any = source
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{'.'.join(path)} is not a number: {str(value)[:40]!r}")
    return float(value)


def from_start(*columns: Floats) -> tuple[Floats, ...]:
    """The same moments, counted from the earliest of them all."""
    known = np.concatenate([c[np.isfinite(c)] for c in columns])
    start = float(known.min()) if len(known) else 0.0
    return tuple(c - start for c in columns)


def finish(recorded: Recorded, name: str, lines: list[int]) -> Rows:
    """The rows, once every impossible one has been said with its line."""
    from harness.analysis.rows_csv import settled

    if not lines:
        raise UsageError(Problem("no requests in it", "no data is never good news", name, 1, 1))
    return settled(recorded, Table(name, {}, lines))
