"""Whether what a probe saw is within its tolerance. Pure; what was not seen is never within."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from harness.drill.adapters.activity import Tolerance

_MISSING = object()
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]")
_SEARCHED_CHARACTERS = 65_536


@dataclass(frozen=True)
class Observed:
    """What an activity gave: `status` is the exit code or the HTTP status, None where there was none."""

    ok: bool
    status: int | None
    stdout: str = ""
    stderr: str = ""
    took_s: float = 0.0
    problem: str = ""
    """In words, where it could not be done at all: not found, timed out, refused."""

    @property
    def body(self) -> str:
        return self.stdout


def is_within(tolerance: Tolerance, seen: Observed) -> bool:
    """False wherever the activity itself could not be done."""
    if seen.problem or seen.status is None:
        return False
    value: Any = getattr(seen, tolerance.target)
    if tolerance.type == "range":
        number = _number(value)
        return number is not None and tolerance.range is not None and tolerance.range[0] <= number <= tolerance.range[1]
    if tolerance.type == "regex":
        return re.search(tolerance.pattern, str(value)[:_SEARCHED_CHARACTERS]) is not None
    if tolerance.type == "jsonpath":
        found = _follow(tolerance.path, seen.body)
        return found is not _MISSING and tolerance.expect in (None, found)
    choices = tolerance.values if tolerance.type == "one_of" else (tolerance.expect,)
    return any(_equals(choice, value, seen) for choice in choices)


def _equals(expected: Any, value: Any, seen: Observed) -> bool:
    if isinstance(expected, bool):
        return seen.ok is expected
    if isinstance(expected, str):
        return (
            str(value).strip() == expected.strip()
            if isinstance(value, str)
            else seen.stdout.strip() == expected.strip()
        )
    number = _number(value)
    return number is not None and number == expected


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _follow(path: str, body: str) -> Any:
    try:
        value = json.loads(body)
    except ValueError:
        return _MISSING
    for key, index in _STEP.findall(path):
        if key and isinstance(value, dict) and key in value:
            value = value[key]
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return _MISSING
    return value
