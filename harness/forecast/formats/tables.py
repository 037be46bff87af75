"""Tables of time and count (or rate), and plain lists of request times."""

from __future__ import annotations

import numpy as np

from harness.errors import Problem, UsageError
from harness.forecast.formats.lines import (
    delimiter_of,
    numbered_lines,
    parse_number,
    parse_times,
    refuse,
    split_fields,
)
from harness.forecast.history import Issue, Rows

TIME_NAMES = frozenset(
    {"timestamp", "time", "t", "ts", "date", "datetime", "ds", "bucket", "_time", "start", "minute", "time_s", "t_s"}
)
COUNT_NAMES = frozenset({"count", "value", "requests", "hits", "events", "calls", "n", "y", "total", "request_count"})
RATE_NAMES = {
    "rps": 1.0, "qps": 1.0, "rate": 1.0, "req/s": 1.0, "requests_per_second": 1.0, "rate_per_s": 1.0, "tps": 1.0,
    "rpm": 1 / 60, "qpm": 1 / 60, "requests_per_minute": 1 / 60, "rph": 1 / 3600, "requests_per_hour": 1 / 3600,
}  # fmt: skip
BLANKS = frozenset({"", "nan", "null", "none", "na", "n/a", "-"})


def read_table(text: str, name: str, timezone: str = "UTC") -> Rows:
    """`timestamp,count` (any of the usual names), `t,rps`, or two columns without a header. One row a bucket.

    A blank count is a gap, reported; anything else that is no number is refused with its line and column.
    """
    lines = list(numbered_lines(text))
    if not lines:
        raise UsageError(Problem("empty history", "give rows of timestamp,count", file=name))
    delimiter = delimiter_of(lines[0][1])
    time_at, value_at, scale, is_rate, first = _columns(lines[0][1], delimiter, name)
    fields = [(number, split_fields(line, delimiter)) for number, line in lines[first:]]
    wide = max(time_at, value_at)
    times_ns, parsed, relative = parse_times([f[time_at] if len(f) > wide else "" for _, f in fields], timezone)
    problems, kept, values, blanks = [], [], [], []
    for i, (number, row) in enumerate(fields):
        if len(row) <= wide:
            problems.append((number, 1, f"{len(row)} fields, at least {wide + 1} expected"))
            continue
        value = parse_number(row[value_at])
        if not parsed[i]:
            problems.append((number, _column(row, time_at), f"not a time: {row[time_at][:40]!r}"))
        elif row[value_at].lower() in BLANKS:
            blanks.append(number)
            kept.append(i)
            values.append(np.nan)
        elif np.isnan(value):
            problems.append((number, _column(row, value_at), f"not a count: {row[value_at][:40]!r}"))
        else:
            kept.append(i)
            values.append(value * scale)
    if problems:
        raise refuse(name, problems)
    issues = (Issue("blank", len(blanks), blanks[0], "no count: marked as a gap"),) if blanks else ()
    numbers = np.array([fields[i][0] for i in kept], dtype=np.int64)
    return Rows(times_ns[kept], numbers, relative, np.array(values), is_rate, issues=issues)


def _columns(header: str, delimiter: str, name: str) -> tuple[int, int, float, bool, int]:
    """(time column, value column, factor to requests or requests/s, is rate, index of the first data line)."""
    names = [field.lower().lstrip("#").strip() for field in split_fields(header, delimiter)]
    times = [i for i, field in enumerate(names) if field in TIME_NAMES]
    rates = [i for i, field in enumerate(names) if field in RATE_NAMES]
    counts = [i for i, field in enumerate(names) if field in COUNT_NAMES]
    if times and (rates or counts):
        at = counts[0] if counts else rates[0]
        return times[0], at, RATE_NAMES.get(names[at], 1.0), not counts, 1
    if len(names) == 2 and parse_times([names[0]])[1][0] and not np.isnan(parse_number(names[1])):
        return 0, 1, 1.0, False, 0
    raise UsageError(
        Problem(
            f"no time and count column among {', '.join(map(repr, names[:8]))}",
            f"name them like timestamp,count (or one of {', '.join(sorted(COUNT_NAMES | set(RATE_NAMES)))})",
            name,
            1,
            1,
        )
    )


def _column(row: list[str], index: int) -> int:
    return sum(len(field) + 1 for field in row[:index]) + 1


def read_timestamps(text: str, name: str, timezone: str = "UTC") -> Rows:
    """One request time a line (ISO 8601, Unix time or seconds), with or without a header."""
    lines = list(numbered_lines(text))
    if lines and not parse_times([lines[0][1].strip()])[1][0]:
        lines = lines[1:]
    if not lines:
        raise UsageError(Problem("empty history", "give one request time a line", file=name))
    times_ns, parsed, relative = parse_times([line.strip() for _, line in lines], timezone)
    if not parsed.all():
        bad = [(lines[i][0], 1, f"not a time: {lines[i][1][:40]!r}") for i in np.flatnonzero(~parsed)]
        raise refuse(name, bad)
    return Rows(times_ns, np.array([number for number, _ in lines], dtype=np.int64), relative)
