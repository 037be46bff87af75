"""Access logs: common and combined (nginx, Apache), load balancers (ALB, classic ELB), JSON lines. One line a request.

A log may hold lines of another kind (a restart notice, a torn last line): they are reported, and only above one line in
twenty is the whole file refused as not being what it was taken for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.errors import Problem, UsageError
from harness.forecast.formats.lines import numbered_lines, parse_times, split_fields
from harness.forecast.history import Issue, Paths, Rows
from harness.forecast.journeys import path_of

MOST_STRANGERS = 0.05
_BRACKETED = re.compile(r"\[(\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})")
_ALB_TYPES = frozenset({"http", "https", "h2", "grpcs", "ws", "wss"})
_ALB_CREATED = 21
"""Index of `request_creation_time`; the second field is the time of the answer, seconds later for a stream."""
TIME_KEYS = (
    "timestamp", "time", "ts", "@timestamp", "time_iso8601", "time_local", "StartUTC", "start_time", "datetime", "date",
    "msec", "t",
)  # fmt: skip
_REQUEST = re.compile(r'"([A-Z]+ [^\s"]+)')
PATH_KEYS = (
    "path", "request_path", "RequestPath", "url_path", "url.path", "request_uri", "uri", "url", "endpoint", "route",
    "http.route", "http.target", "request",
)  # fmt: skip
JOURNEY_KEY = "journey"
TOKEN_KEYS = (
    ("prompt_tokens", "completion_tokens"),
    ("input_tokens", "output_tokens"),
    ("input_length", "output_length"),
)


def is_common_log(line: str) -> bool:
    return _BRACKETED.search(line) is not None


def is_balancer_log(line: str) -> bool:
    first, _, rest = line.partition(" ")
    return _ISO.fullmatch(rest.partition(" ")[0] if first in _ALB_TYPES else first) is not None and " " in rest


def is_json_line(line: str) -> bool:
    return line.lstrip().startswith("{") and line.rstrip().endswith("}")


def read_common_log(text: str, name: str, timezone: str = "UTC") -> Rows:  # noqa: ARG001 -- the log has its own zone
    """nginx and Apache, common or combined, with whatever stands before and after `[10/Oct/2026:13:55:36 +0000]`."""
    lines = list(numbered_lines(text))
    found = [_BRACKETED.search(line) for _, line in lines]
    stamps = pd.to_datetime(
        pd.Series([match[1] if match else "" for match in found], dtype="str"),
        format="%d/%b/%Y:%H:%M:%S %z",
        utc=True,
        errors="coerce",
    )
    iso = [stamp.isoformat() if isinstance(stamp, pd.Timestamp) else "" for stamp in stamps]
    times_ns, parsed, _ = parse_times(iso)
    return _rows(lines, times_ns, parsed, name, paths=_quoted_paths(lines))


def read_balancer_log(text: str, name: str, timezone: str = "UTC") -> Rows:  # noqa: ARG001 -- always UTC
    """AWS load balancers: application (by request creation time) and classic."""
    lines = list(numbered_lines(text))
    times_ns, parsed, _ = parse_times([_balancer_time(line) for _, line in lines])
    return _rows(lines, times_ns, parsed, name, paths=_quoted_paths(lines))


def _quoted_paths(lines: Sequence[tuple[int, str]]) -> Paths:
    """The path in `"POST /v1/chat?stream=1 HTTP/1.1"` of each line."""
    found = (_REQUEST.search(line) for _, line in lines)
    return Paths(tuple(path_of(match[1]) if match else "" for match in found))


def _balancer_time(line: str) -> str:
    fields = split_fields(line, " ")
    if fields[0] not in _ALB_TYPES:
        return fields[0] if _ISO.fullmatch(fields[0]) else ""
    if len(fields) > _ALB_CREATED and _ISO.fullmatch(fields[_ALB_CREATED]):
        return fields[_ALB_CREATED]
    return fields[1] if len(fields) > 1 and _ISO.fullmatch(fields[1]) else ""


def read_json_lines(text: str, name: str, timezone: str = "UTC") -> Rows:
    """One JSON object a line with a time under one of the usual names; token counts where every request has them, and
    the `journey` or the path that it is of."""
    lines = list(numbered_lines(text))
    objects = [json_object(line) for _, line in lines]
    key = next((key for key in TIME_KEYS if any(o is not None and key in o for o in objects)), None)
    if key is None:
        raise UsageError(Problem("no time in these JSON lines", f"name it one of {', '.join(TIME_KEYS)}", name, 1, 1))
    texts = ["" if o is None else str(o.get(key, "")) for o in objects]
    times_ns, parsed, relative = parse_times(texts, timezone)
    tokens, paths = _token_columns(objects, parsed), _path_column(objects, parsed)
    return _rows(lines, times_ns, parsed, name, relative=relative, tokens=tokens, paths=paths)


def json_object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _token_columns(
    objects: Sequence[dict[str, Any] | None], parsed: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint32] | None:
    used = [found or {} for found in objects]
    for names in TOKEN_KEYS:
        whole = np.array([all(is_token_count(found.get(field)) for field in names) for found in used], dtype=bool)
        if parsed.any() and whole[parsed].all():
            pairs = [[found[f] for f in names] if ok else [0, 0] for found, ok in zip(used, whole, strict=True)]
            return np.array(pairs, dtype=np.uint32)
    return None


def _path_column(objects: Sequence[dict[str, Any] | None], parsed: npt.NDArray[np.bool_]) -> Paths | None:
    """The journey where every request names one, else the path under the first of the usual names that is there."""
    used = [found or {} for found in objects]
    named = [str(found.get(JOURNEY_KEY) or "") for found in used]
    if all(name for name, ok in zip(named, parsed, strict=True) if ok):
        return Paths(tuple(named), named=True)
    key = next((key for key in PATH_KEYS if any(isinstance(found.get(key), str) for found in used)), None)
    if key is None:
        return None
    return Paths(tuple(path_of(text) if isinstance(text := found.get(key), str) else "" for found in used))


def is_token_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _rows(
    lines: Sequence[tuple[int, str]],
    times_ns: npt.NDArray[np.int64],
    parsed: npt.NDArray[np.bool_],
    name: str,
    *,
    relative: bool = False,
    tokens: npt.NDArray[np.uint32] | None = None,
    paths: Paths | None = None,
) -> Rows:
    numbers = np.array([number for number, _ in lines], dtype=np.int64)
    strangers = int((~parsed).sum())
    if not lines or strangers > MOST_STRANGERS * len(lines):
        at = int(numbers[~parsed][0]) if strangers else 0
        raise UsageError(
            Problem(
                f"{strangers} of {len(lines)} lines hold no request: not a log of this format",
                "name another with --format",
                name,
                at,
                1 if at else 0,
            )
        )
    issues: tuple[Issue, ...] = ()
    if strangers:
        issues = (Issue("malformed", strangers, int(numbers[~parsed][0]), "no request in the line"),)
    kept = None if tokens is None else tokens[parsed]
    asked = None if paths is None else Paths(tuple(compress(paths.paths, parsed)), paths.named)
    return Rows(times_ns[parsed], numbers[parsed], relative, tokens=kept, issues=issues, paths=asked)


LOGS: dict[str, tuple[Callable[[str], bool], Callable[[str, str, str], Rows]]] = {
    "access-log": (is_common_log, read_common_log),
    "balancer-log": (is_balancer_log, read_balancer_log),
    "json-lines": (is_json_line, read_json_lines),
}
"""Format -> (does a first line look like it, its reader)."""
