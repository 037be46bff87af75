"""Reading traffic histories of every kind: `read_history` sniffs the format or takes its name."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harness.errors import Problem, UsageError
from harness.forecast.formats.lines import delimiter_of, numbered_lines, parse_times, split_fields
from harness.forecast.formats.llm_traces import (
    AZURE_COLUMNS,
    BURSTGPT_COLUMNS,
    has_columns,
    is_mooncake,
    read_azure,
    read_burstgpt,
    read_mooncake,
)
from harness.forecast.formats.logs import LOGS
from harness.forecast.formats.prometheus import is_prometheus, read_prometheus
from harness.forecast.formats.rate_series import is_rate_series, read_rate_series
from harness.forecast.formats.tables import TIME_NAMES, read_table, read_timestamps
from harness.forecast.history import History, Rows, history_from_rows
from harness.forecast.journeys import Patterns, with_journeys

Reader = Callable[[str, str, str], Rows]
"""(text, name for messages, zone of times that name none) -> rows."""

FORMATS: dict[str, Reader] = {
    "table": read_table,
    "timestamps": read_timestamps,
    **{name: reader for name, (_, reader) in LOGS.items()},
    "prometheus": read_prometheus,
    "azure-llm": read_azure,
    "burstgpt": read_burstgpt,
    "mooncake": read_mooncake,
    "rate-series": read_rate_series,
}


def read_history(
    text: str,
    name: str,
    format: str = "auto",  # noqa: A002 -- the option's own name
    timezone: str = "UTC",
    journeys: Patterns = (),
) -> History:
    """The history in `text`; `name` is the file's, for messages; `format` one of FORMATS or `auto`. `timezone` (an IANA
    name) is that of times which name none, and the one whose days and weeks the seasons follow. `journeys` says which
    paths of a log are of which journey.

    Raises UsageError with file, line and column where the text is no history.
    """
    if format != "auto" and format not in FORMATS:
        raise UsageError(Problem(f"unknown format {format!r}", f"one of auto, {', '.join(FORMATS)}", file=name))
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(Problem(f"unknown time zone {timezone!r}", "an IANA name, like Europe/Berlin")) from None
    chosen = sniff(text, name) if format == "auto" else format
    rows = with_journeys(FORMATS[chosen](text, name, timezone), journeys, name)
    return history_from_rows(rows, name, chosen, timezone)


def sniff(text: str, name: str) -> str:
    """The format of `text` by its beginning."""
    first = next(numbered_lines(text), None)
    if first is None:
        raise UsageError(Problem("empty history", "give rows of timestamp,count", file=name))
    header = first[1]
    by_text: dict[str, Callable[[str], bool]] = {"prometheus": is_prometheus, "rate-series": is_rate_series}
    by_header: dict[str, Callable[[str], bool]] = {
        "azure-llm": lambda line: has_columns(line, AZURE_COLUMNS),
        "burstgpt": lambda line: has_columns(line, BURSTGPT_COLUMNS),
        "mooncake": is_mooncake,
        **{log: looks_like for log, (looks_like, _) in LOGS.items()},
    }
    for format_name, matches in by_text.items():
        if matches(text):
            return format_name
    for format_name, matches in by_header.items():
        if matches(header):
            return format_name
    fields = split_fields(header, delimiter_of(header))
    if len(fields) == 1 and (fields[0].lower() in TIME_NAMES or parse_times(fields)[1][0]):
        return "timestamps"
    return "table"
