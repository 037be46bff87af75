"""Published LLM traces: one row a request, with its token sizes."""

from __future__ import annotations

import numpy as np

from harness.errors import Problem, UsageError
from harness.forecast.formats.lines import numbered_lines, parse_number, parse_times, refuse, split_fields
from harness.forecast.history import Rows

AZURE_COLUMNS = ("timestamp", "contexttokens", "generatedtokens")
_MOST_TOKENS = 2**32 - 1


def is_azure(header: str) -> bool:
    names = [field.lower() for field in split_fields(header, ",")]
    return all(column in names for column in AZURE_COLUMNS)


def read_azure(text: str, name: str) -> Rows:
    """Azure LLM inference traces 2023 and 2024 (`TIMESTAMP,ContextTokens,GeneratedTokens`) and the 2025 multimodal one
    (the same plus `NumImages`, which is not used)."""
    lines = list(numbered_lines(text))
    if not lines or not is_azure(lines[0][1]):
        raise UsageError(
            Problem("no header TIMESTAMP,ContextTokens,GeneratedTokens", "name the format with --format", name, 1, 1)
        )
    names = [field.lower() for field in split_fields(lines[0][1], ",")]
    at = [names.index(column) for column in AZURE_COLUMNS]
    rows = [(number, split_fields(line, ",")) for number, line in lines[1:]]
    times_ns, parsed, relative = parse_times([row[at[0]] if len(row) > max(at) else "" for _, row in rows])
    tokens = np.array([[parse_number(row[i]) if len(row) > max(at) else np.nan for i in at[1:]] for _, row in rows])
    tokens = tokens.reshape(len(rows), 2)
    whole = np.all((tokens == np.floor(tokens)) & (tokens <= _MOST_TOKENS), axis=1)
    bad = np.flatnonzero(~(parsed & whole))
    if bad.size:
        raise refuse(name, [(rows[i][0], 1, f"not a trace row: {','.join(rows[i][1])[:60]!r}") for i in bad])
    numbers = np.array([number for number, _ in rows], dtype=np.int64)
    return Rows(times_ns, numbers, relative, tokens=tokens.astype(np.uint32))
