"""Result rows as CSV: the columns that `peakproof analyze` reads, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from harness.report.breakdown import label, name_of
from harness.report.plain import csv_cell
from harness.report.secrets import without_secrets
from harness.results import ARRIVAL, NEVER, Outcome, Reason, ResultArray, Rows

COLUMNS = (
    "seq", "journey", "step", "phase", "tenant",
    "due_s", "sent_s", "first_token_s", "last_token_s", "finished_s",
    "outcome", "reason", "status", "attempts", "degraded", "served_by",
    "tokens_in", "tokens_out", "events", "max_gap_s", "bytes_in", "worker", "flags",
)  # fmt: skip
_CHUNK = 20_000


def rows_csv(rows: Rows, steps: bool = False) -> Iterator[str]:
    """The file in pieces: a header, then one line an arrival in order of due time; with `steps`, the requests inside
    the journeys too (then `analyze` is not the reader). Times in seconds from the run's start, blank where the moment
    did not come. A text cell that a spreadsheet would run as a formula begins with an apostrophe."""
    array = rows.array if steps else rows.arrivals()
    yield ",".join(COLUMNS) + "\n"
    for start in range(0, array.size, _CHUNK):
        yield _chunk(array[start : start + _CHUNK], rows)


def _chunk(array: ResultArray, rows: Rows) -> str:
    out = io.StringIO()
    catalog = without_secrets(rows.catalog)
    named = {
        "journey": catalog.journeys,
        "phase": catalog.phases,
        "tenant": catalog.tenants,
        "degraded": catalog.degraded,
        "served_by": catalog.served_by,
    }
    columns = []
    for column in COLUMNS:
        if column == "step":
            columns.append(
                ["" if s == ARRIVAL else csv_cell(name_of(catalog.steps, s)) for s in array["step"].tolist()]
            )
        elif column in named:
            columns.append(_texts(array[column].tolist(), named[column]))
        elif column in ("outcome", "reason"):
            kind = Outcome if column == "outcome" else Reason
            columns.append([label(kind, code) for code in array[column].tolist()])
        elif column == "max_gap_s":
            columns.append([f"{us / 1e6:.6f}" for us in array["max_gap_us"].tolist()])
        elif column.endswith("_s"):
            columns.append(_seconds(array[column.removesuffix("_s") + "_ns"].tolist()))
        else:
            columns.append([str(v) for v in array[column].tolist()])
    csv.writer(out, lineterminator="\n").writerows(zip(*columns, strict=True))
    return out.getvalue()


def _texts(codes: list[int], names: tuple[str, ...]) -> list[str]:
    cells = {code: csv_cell(name_of(names, code)) for code in set(codes)}
    return [cells[code] for code in codes]


def _seconds(times_ns: list[int]) -> list[str]:
    """Nanoseconds as exact decimal seconds; blank for a moment that did not come."""
    return ["" if t == NEVER else f"{t // 10**9}.{t % 10**9:09d}" for t in times_ns]
