"""`analyze ROWS.csv`: rows that some other tool recorded, in plain columns.

Seconds from the run's start: `due_s` (else `sent_s`), `finished_s` (else `latency_s`, from the send), `outcome` (else
`status`); optional `first_token_s`, `last_token_s`, `max_gap_s`, `journey`, `phase` (absent: all rows are judged),
`tenant`, `tokens_in`, `tokens_out`, `attempts`. Rows in any order; an end may be blank unless the request succeeded.
"""

from __future__ import annotations

import numpy as np

from harness.analysis.assemble import Recorded, outcome_of_status
from harness.analysis.table import Table, read_table
from harness.errors import Problem, UsageError
from harness.results import SUCCESSES, Outcome, Rows

COLUMNS = (
    "due_s", "sent_s", "finished_s", "latency_s", "outcome", "status", "first_token_s", "last_token_s", "max_gap_s",
    "journey", "phase", "tenant", "tokens_in", "tokens_out", "attempts",
)  # fmt: skip


def rows_from_csv(text: str, name: str) -> Rows:
    """Reads the rows. Raises UsageError with file:line for every row that is malformed or cannot be."""
    table = read_table(text, name, COLUMNS)
    for either in (("due_s", "sent_s"), ("finished_s", "latency_s"), ("outcome", "status")):
        if not any(column in table.columns for column in either):
            advice = f"the columns are {', '.join(COLUMNS)}"
            raise UsageError(Problem(f"no column {either[0]} (nor {either[1]})", advice, name, 1, 1))
    due = table.numbers("due_s") if table.has("due_s") else None
    sent = table.numbers("sent_s")
    start = sent if due is None else np.where(np.isnan(sent), due, sent)
    finished = table.numbers("finished_s") if table.has("finished_s") else start + table.numbers("latency_s")
    status = table.mapped("status", _status, "not an HTTP status") if table.has("status") else None
    phases = table.words("phase") if table.has("phase") else None
    if phases and any(phases):
        blank = [not phase for phase in phases]
        table.wrong_where(blank, "no phase, though other rows name theirs", "it would be left out of what is judged")
    recorded = Recorded(
        outcome=_outcomes(table, status),
        finished_s=finished,
        sent_s=sent,
        due_s=due,
        status=status,
        first_token_s=table.numbers("first_token_s") if table.has("first_token_s") else None,
        last_token_s=table.numbers("last_token_s") if table.has("last_token_s") else None,
        tokens_in=table.numbers("tokens_in") if table.has("tokens_in") else None,
        tokens_out=table.numbers("tokens_out") if table.has("tokens_out") else None,
        max_gap_s=table.numbers("max_gap_s") if table.has("max_gap_s") else None,
        attempts=table.numbers("attempts") if table.has("attempts") else None,
        journey=table.words("journey") if table.has("journey") else None,
        phase=phases,
        tenant=table.words("tenant") if table.has("tenant") else None,
    )
    return settled(recorded, table)


def settled(recorded: Recorded, table: Table) -> Rows:
    """The rows, once every impossible one has been said with its line."""
    for mask, what in recorded.wrongs():
        table.wrong_where(mask, what)
    table.settle()
    try:
        return recorded.rows()
    except ValueError as error:
        raise UsageError(Problem(str(error), file=table.name)) from None


def _status(text: str) -> int:
    status = int(text or "0")
    outcome_of_status(status)
    return status


def _outcomes(table: Table, status: np.ndarray | None) -> np.ndarray:
    if not table.has("outcome"):
        assert status is not None
        return np.array([int(outcome_of_status(int(s))) for s in status], dtype=np.uint8)
    words = table.mapped("outcome", _outcome, f"not an outcome ({', '.join(o.label for o in Outcome)})")
    blank = np.array([not word for word in table.words("outcome")])
    if status is None:
        table.wrong_where(blank, "no outcome", "say how the request ended: a blank is not a success")
        return words.astype(np.uint8)
    by_status = np.array([int(outcome_of_status(int(s))) for s in status])
    chosen = np.where(blank, by_status, words)
    table.wrong_where(np.isin(chosen, [int(o) for o in SUCCESSES]) & (status >= 400), "a success with an error status")
    return chosen.astype(np.uint8)


def _outcome(text: str) -> int:
    return int(Outcome.parse(text)) if text else int(Outcome.OK)
