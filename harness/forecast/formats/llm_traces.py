"""Published LLM traces: one row a request, with its token sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.errors import Problem, UsageError
from harness.forecast.formats.lines import numbered_lines, parse_number, parse_times, refuse, split_fields
from harness.forecast.formats.logs import is_token_count, json_object
from harness.forecast.history import Rows

AZURE_COLUMNS = ("timestamp", "contexttokens", "generatedtokens")
BURSTGPT_COLUMNS = ("timestamp", "request tokens", "response tokens")
MOONCAKE_KEYS = ("timestamp", "input_length", "output_length")
_MOST_TOKENS = 2**32 - 1


def has_columns(header: str, columns: Sequence[str]) -> bool:
    names = [field.lower() for field in split_fields(header, ",")]
    return all(column in names for column in columns)


def read_azure(text: str, name: str, timezone: str = "UTC") -> Rows:
    """Azure LLM inference traces 2023 and 2024 (`TIMESTAMP,ContextTokens,GeneratedTokens`) and the 2025 multimodal one
    (the same plus `NumImages`, which is not used)."""
    return _read_columns(text, name, AZURE_COLUMNS, "TIMESTAMP,ContextTokens,GeneratedTokens", timezone)


def read_burstgpt(text: str, name: str, timezone: str = "UTC") -> Rows:
    """BurstGPT (`Timestamp,Model,Request tokens,Response tokens,...`, columns by name, seconds from the first day).

    `Response tokens` of 0 is a request that failed: it was load, so it counts; its length, which nobody knows, is
    taken as the median of the others.
    """
    rows = _read_columns(text, name, BURSTGPT_COLUMNS, "Timestamp,...,Request tokens,Response tokens", timezone)
    assert rows.tokens is not None
    failed = rows.tokens[:, 1] == 0
    if not failed.any():
        return rows
    tokens = rows.tokens.copy()
    if not failed.all():
        tokens[failed, 1] = int(np.median(tokens[~failed, 1]))
    findings = (
        f"{int(failed.sum()):,} requests had failed (Response tokens 0): counted, at the others' median length",
    )
    return Rows(rows.times_ns, rows.lines, rows.relative, tokens=tokens, findings=findings)


def is_mooncake(line: str) -> bool:
    found = json_object(line)
    return found is not None and all(key in found for key in MOONCAKE_KEYS)


def read_mooncake(text: str, name: str, timezone: str = "UTC") -> Rows:  # noqa: ARG001 -- a relative clock
    """Mooncake JSON lines (`timestamp` in ms from the start, `input_length`, `output_length`), which AIPerf too takes
    as a fixed schedule."""
    times, tokens, numbers, problems = [], [], [], []
    for number, line in numbered_lines(text):
        found = json_object(line) or {}
        at, *sizes = (found.get(key) for key in MOONCAKE_KEYS)
        timed = isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at < 1e14
        if not timed or not all(map(is_token_count, sizes)):
            problems.append((number, 1, f"not a trace row: {line[:60]!r}"))
            continue
        assert isinstance(at, int | float)
        times.append(round(at * 1e6))
        tokens.append(sizes)
        numbers.append(number)
    if problems:
        raise refuse(name, problems)
    pairs = np.array(tokens, dtype=np.uint32).reshape(len(tokens), 2)
    return Rows(np.array(times, dtype=np.int64), np.array(numbers, dtype=np.int64), relative=True, tokens=pairs)


def _read_columns(text: str, name: str, columns: Sequence[str], header: str, timezone: str) -> Rows:
    lines = list(numbered_lines(text))
    if not lines or not has_columns(lines[0][1], columns):
        raise UsageError(Problem(f"no header {header}", "name the format with --format", name, 1, 1))
    names = [field.lower() for field in split_fields(lines[0][1], ",")]
    at = [names.index(column) for column in columns]
    rows = [(number, split_fields(line, ",")) for number, line in lines[1:]]
    times_ns, parsed, relative = parse_times([row[at[0]] if len(row) > max(at) else "" for _, row in rows], timezone)
    tokens = np.array([[parse_number(row[i]) if len(row) > max(at) else np.nan for i in at[1:]] for _, row in rows])
    tokens = tokens.reshape(len(rows), 2)
    whole: npt.NDArray[np.bool_] = np.all((tokens == np.floor(tokens)) & (tokens <= _MOST_TOKENS), axis=1)
    bad = np.flatnonzero(~(parsed & whole))
    if bad.size:
        raise refuse(name, [(rows[i][0], 1, f"not a trace row: {','.join(rows[i][1])[:60]!r}") for i in bad])
    numbers = np.array([number for number, _ in rows], dtype=np.int64)
    return Rows(times_ns, numbers, relative, tokens=tokens.astype(np.uint32))
