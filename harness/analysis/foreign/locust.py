"""Locust: a CSV of single requests, as request listeners write it. `response_time` in ms; `start_time` is the send,
while
a `timestamp` is the moment of the event, the end. Locust's own `--csv` files hold aggregates, which no verdict can use.
"""

from __future__ import annotations

import numpy as np

from harness.analysis.assemble import Recorded, outcome_of_status
from harness.analysis.foreign.jsonlines import epoch_s, epoch_unit_s, from_start
from harness.analysis.rows_csv import settled
from harness.analysis.table import Table, read_table
from harness.analysis.view import Floats
from harness.errors import Problem, UsageError
from harness.results import Outcome, Rows

_STARTS, _ENDS = ("start_time", "request_start_time"), ("timestamp", "time", "end_time")
_ERRORS = ("exception", "error", "failure")
_STATUS = ("response_code", "status_code", "status")


def looks_like_csv(first: str) -> bool:
    """A header of single requests, or of the aggregates that are refused with a word of advice."""
    columns = [column.strip().lower().replace(" ", "_") for column in first.split(",")]
    return "response_time" in columns or "request_count" in columns or "total_request_count" in columns


def rows_from_csv(text: str, name: str) -> Rows:
    """Rows of single requests. Raises UsageError for aggregates."""
    head, _, body = text.removeprefix("\ufeff").partition("\n")
    columns = [column.strip().strip('"').lower().replace(" ", "_") for column in head.split(",")]
    if "request_count" in columns or "total_request_count" in columns:
        advice = "they are averages: write one row a request from a request listener"
        raise UsageError(Problem("Locust's aggregated statistics", advice, name, 1, 1))
    table = read_table(",".join(columns) + "\n" + body, name)
    start_column, end_column = _first(table, _STARTS), _first(table, _ENDS)
    if not table.has("response_time") or not (start_column or end_column):
        raise UsageError(Problem("no response_time with a start_time or a timestamp", file=name, line=1, column=1))
    spent = table.numbers("response_time", 1e-3)
    stamps = _moments(table, start_column or end_column)
    table.wrong_where(np.isnan(spent) | np.isnan(stamps), "a request without its times")
    table.settle()
    sent = stamps if start_column else stamps - spent
    sent, end = from_start(sent, sent + spent)
    status = table.mapped(_first(table, _STATUS), _status, "not an HTTP status")
    errors = table.words(_first(table, _ERRORS))
    recorded = Recorded(
        outcome=np.array([int(_outcome(int(s), e)) for s, e in zip(status, errors, strict=True)], dtype=np.uint8),
        finished_s=end,
        sent_s=sent,
        status=status,
        journey=table.words("name"),
    )
    return settled(recorded, table)


def _first(table: Table, names: tuple[str, ...]) -> str:
    return next((name for name in names if table.has(name)), "")


def _moments(table: Table, column: str) -> Floats:
    words = table.words(column)
    if words and not words[0].replace(".", "", 1).isdigit():
        values = np.full(len(table), np.nan)
        for row, word in enumerate(words):
            try:
                values[row] = epoch_s(word)
            except ValueError:
                table.wrong(row, f"{column} is not a moment: {word[:40]!r}")
        return values
    stamps = table.numbers(column)
    known = stamps[~np.isnan(stamps)]
    return stamps * epoch_unit_s(float(known.max())) if len(known) else stamps


def _status(text: str) -> int:
    status = int(text) if text and text.lower() != "none" else 0
    outcome_of_status(status)
    return status


def _outcome(status: int, error: str) -> Outcome:
    failed = error.lower() not in {"", "none", "null"}
    if status:
        word = outcome_of_status(status)
        return Outcome.WRONG_SHAPE if word is Outcome.OK and failed else word
    if not failed:
        return Outcome.OK
    said = error.lower()
    if "429" in said:
        return Outcome.THROTTLED
    if "timeout" in said or "timed out" in said:
        return Outcome.TIMEOUT
    return Outcome.REFUSED if "refused" in said else Outcome.RESET if "reset" in said else Outcome.SERVER_ERROR
