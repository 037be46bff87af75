"""The narrow waist: one fixed-width row a request. Everything before it writes rows, everything after it reads rows.

Times are integer nanoseconds on the run's own clock (0 is the common start of the load, monotonic); `NEVER` marks a
moment that did not come. An arrival has exactly one row with `step == ARRIVAL` (its response time runs from `due_ns`);
a journey of several requests adds one row for each of them with `step >= 1`, whose `due_ns` is the moment the journey
asked for it. The conservation ledger counts `step == ARRIVAL` rows only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

NEVER = -1
ARRIVAL = 0
"""The step number of the row that stands for the whole arrival."""

RESULT_DTYPE = np.dtype(
    [
        ("due_ns", "<i8"),
        ("sent_ns", "<i8"),
        ("first_token_ns", "<i8"),
        ("last_token_ns", "<i8"),
        ("finished_ns", "<i8"),
        ("seq", "<u4"),
        ("tokens_in", "<u4"),
        ("tokens_out", "<u4"),
        ("events", "<u4"),
        ("max_gap_us", "<u4"),
        ("bytes_in", "<u4"),
        ("worker", "<u2"),
        ("status", "<u2"),
        ("flags", "<u2"),
        ("outcome", "u1"),
        ("reason", "u1"),
        ("journey", "u1"),
        ("step", "u1"),
        ("phase", "u1"),
        ("tenant", "u1"),
        ("attempts", "u1"),
        ("degraded", "u1"),
        ("served_by", "u1"),
        ("written_by", "u1"),
    ]
)
assert RESULT_DTYPE.itemsize == 80, RESULT_DTYPE.itemsize

FLAG_TOKENS_FROM_USAGE = 1
"""`tokens_out` is the server's own `usage`; otherwise it counts content events."""
FLAG_NEW_CONNECTION = 2
FLAG_STREAMED = 4
FLAG_RETRIED_ON_RACE = 8
"""Sent again on a fresh connection after a keep-alive race; the clock ran on."""
FLAG_NONCE_CHECKED = 16

ResultArray = npt.NDArray[np.void]
"""A structured array of `RESULT_DTYPE`."""


@dataclass(frozen=True)
class Catalog:
    """The names behind the row's small numbers. Index 0 of `degraded`, `served_by` and `written_by` means "none
    seen"."""

    journeys: tuple[str, ...]
    phases: tuple[str, ...]
    steps: tuple[str, ...] = ("arrival",)
    tenants: tuple[str, ...] = ("",)
    degraded: tuple[str, ...] = ("",)
    """The degraded-mode signals that the plan declares, as text (`header x-served-by == fallback`)."""
    served_by: tuple[str, ...] = ("",)
    """Values of the served-by header or the response's `model`, in order of first sight."""
    written_by: tuple[str, ...] = ("",)
    """Whose canary (`[served-by:NAME]`) the text of an answer carries, where canaries are looked for."""

    def to_json(self) -> dict[str, list[str]]:
        return {name: list(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Catalog:
        return cls(**{name: tuple(map(str, data[name])) for name in cls.__dataclass_fields__ if name in data})


@dataclass(frozen=True)
class Rows:
    """The result rows of a run with the names to read them by."""

    array: ResultArray
    catalog: Catalog
    damage: tuple[str, ...] = field(default=())
    """What could not be read (a torn tail, a block whose CRC is wrong), one sentence each; empty when all is whole."""

    def __post_init__(self) -> None:
        assert self.array.dtype == RESULT_DTYPE, self.array.dtype

    def arrivals(self) -> ResultArray:
        """The rows that stand for whole arrivals, in order of due time (stable on seq). Not to be written to: where the
        rows are so already, no copy is made."""
        whole = self.array["step"] == ARRIVAL
        return _by_due(self.array if whole.all() else self.array[whole])

    def in_order(self) -> Rows:
        """The same rows in order of due time, so that each further `arrivals` is cheap."""
        ordered = _by_due(self.array)
        return self if ordered is self.array else replace(self, array=ordered)


def _by_due(rows: ResultArray) -> ResultArray:
    due, seq = rows["due_ns"], rows["seq"]
    later = np.diff(due)
    if later.size == 0 or (later.min() >= 0 and np.all((later > 0) | (seq[1:] >= seq[:-1]))):
        return rows
    ordered: ResultArray = rows[np.lexsort((seq, due))]
    return ordered
