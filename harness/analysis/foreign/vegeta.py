"""vegeta: `vegeta encode --to json` and `--to csv`. One result a request, stamped at its send, latency in
nanoseconds."""

from __future__ import annotations

import re

import numpy as np

from harness.analysis.assemble import Recorded, outcome_of_status
from harness.analysis.foreign.jsonlines import epoch_s, finish, from_start, number, objects
from harness.analysis.table import read_table
from harness.errors import Problem, UsageError
from harness.results import Outcome, Reason, Rows

_COLUMNS = (
    "timestamp",
    "code",
    "latency",
    "bytes_out",
    "bytes_in",
    "error",
    "body",
    "attack",
    "seq",
    "method",
    "url",
    "headers",
)
_FEWEST = 9

Result = tuple[float, float, int, str, str, int]
"""(send in epoch seconds, latency in s, code, error, attack, line)."""


def looks_like_csv(first: str) -> bool:
    """vegeta's CSV has no header: nanoseconds since 1970, a code, nanoseconds."""
    return re.match(r"\d{19},\d{1,3},\d+,", first) is not None


def rows_from_json(text: str, name: str) -> Rows:
    """Rows of vegeta's JSON results."""
    results: list[Result] = []
    for line, entry in objects(text, name):
        try:
            sent, code = epoch_s(str(entry["timestamp"])), number(entry, "code")
            latency = number(entry, "latency") / 1e9
            results.append(
                (sent, latency, int(code), str(entry.get("error") or ""), str(entry.get("attack") or ""), line)
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(Problem(f"not a vegeta result: {error}", file=name, line=line, column=1)) from None
    return _rows(results, name)


def rows_from_csv(text: str, name: str) -> Rows:
    """Rows of vegeta's headless CSV."""
    width = text.lstrip("\ufeff").split("\n", 1)[0].count(",") + 1
    if not _FEWEST <= width <= len(_COLUMNS):
        raise UsageError(Problem("not vegeta's CSV", "vegeta encode --to csv writes it", name, 1, 1))
    table = read_table(",".join(_COLUMNS[:width]) + "\n" + text.lstrip("\ufeff"), name)
    table.lines[:] = [line - 1 for line in table.lines]
    sent, latency, codes = table.numbers("timestamp", 1e-9), table.numbers("latency", 1e-9), table.numbers("code")
    table.wrong_where(np.isnan(sent) | np.isnan(latency) | np.isnan(codes), "a result without its numbers")
    table.settle()
    errors, attacks = table.words("error"), table.words("attack")
    return _rows(
        [
            (float(sent[k]), float(latency[k]), int(codes[k]), errors[k], attacks[k], table.lines[k])
            for k in range(len(table))
        ],
        name,
    )


def _rows(results: list[Result], name: str) -> Rows:
    sent = np.array([r[0] for r in results], dtype=float)
    sent, end = from_start(sent, sent + np.array([r[1] for r in results], dtype=float))
    words = [_outcome(result, name) for result in results]
    recorded = Recorded(
        outcome=np.array([int(word) for word, _ in words], dtype=np.uint8),
        reason=np.array([int(reason) for _, reason in words], dtype=np.uint8),
        finished_s=end,
        sent_s=sent,
        status=np.array([r[2] for r in results], dtype=np.uint16),
        journey=[r[4] for r in results],
    )
    return finish(recorded, name, [r[5] for r in results])


def _outcome(result: Result, name: str) -> tuple[Outcome, Reason]:
    _, _, code, error, _, line = result
    if code == 0:
        said = error.lower()
        if "timeout" in said or "deadline" in said:
            return Outcome.TIMEOUT, Reason.DEADLINE
        if "no such host" in said:
            return Outcome.REFUSED, Reason.CLIENT_DNS
        if "too many open files" in said:
            return Outcome.REFUSED, Reason.CLIENT_DESCRIPTORS
        if "assign requested address" in said:
            return Outcome.REFUSED, Reason.CLIENT_PORTS
        return (Outcome.REFUSED if "refused" in said else Outcome.RESET), Reason.NONE
    try:
        word = outcome_of_status(code)
    except ValueError as wrong:
        raise UsageError(Problem(str(wrong), file=name, line=line, column=1)) from None
    # A body that ended before its length: vegeta keeps the 200 and an error beside it.
    return (Outcome.TRUNCATED if word is Outcome.OK and error else word), Reason.NONE
