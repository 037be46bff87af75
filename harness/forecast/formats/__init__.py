"""Reading traffic histories of every kind: `read_history` sniffs the format or takes its name."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import Problem, UsageError
from harness.forecast.formats.lines import delimiter_of, numbered_lines, parse_times, split_fields
from harness.forecast.formats.llm_traces import is_azure, read_azure
from harness.forecast.formats.tables import read_table, read_timestamps
from harness.forecast.history import History, Rows, history_from_rows

Reader = Callable[[str, str], Rows]

FORMATS: dict[str, Reader] = {
    "table": read_table,
    "timestamps": read_timestamps,
    "azure-llm": read_azure,
}


def read_history(text: str, name: str, format: str = "auto") -> History:  # noqa: A002 -- the option's own name
    """The history in `text`; `name` is the file's, for messages; `format` one of FORMATS or `auto`.

    Raises UsageError with file, line and column where the text is no history.
    """
    if format != "auto" and format not in FORMATS:
        raise UsageError(Problem(f"unknown format {format!r}", f"one of auto, {', '.join(FORMATS)}", file=name))
    chosen = sniff(text, name) if format == "auto" else format
    return history_from_rows(FORMATS[chosen](text, name), name, chosen)


def sniff(text: str, name: str) -> str:
    """The format of `text` by its first lines."""
    first = next(numbered_lines(text), None)
    if first is None:
        raise UsageError(Problem("empty history", "give rows of timestamp,count", file=name))
    header = first[1]
    if is_azure(header):
        return "azure-llm"
    fields = split_fields(header, delimiter_of(header))
    if len(fields) == 1:
        return (
            "timestamps"
            if parse_times(fields)[1][0] or fields[0].lower() in {"timestamp", "time", "t", "ts"}
            else "table"
        )
    return "table"
