"""Columns of the rows, in order of due time, taken out one by one and only when asked for: a run may hold ten
million rows."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.results import ARRIVAL, NEVER_SENT, SUCCESSES, Catalog, ResultArray, Rows
from harness.results.row import FLAG_STREAMED

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Indexes = npt.NDArray[np.intp]

FLAG_DUE_FROM_SENT = 1 << 15
"""Set by readers of other tools' rows: nobody recorded when the request was due, so it is taken from the send."""

_SUCCESS = np.zeros(256, dtype=bool)
_SUCCESS[[int(o) for o in SUCCESSES]] = True
_NEVER_SENT = np.zeros(256, dtype=bool)
_NEVER_SENT[[int(o) for o in NEVER_SENT]] = True


class View:
    """Some rows of one step in order of due time (seq on ties). Times in seconds on the run's clock, NaN for a moment
    that did not come; every column has shape (n,)."""

    def __init__(self, array: ResultArray, catalog: Catalog, index: Indexes | None = None) -> None:
        self._array = array
        self._index = index
        self.catalog = catalog

    @classmethod
    def of(cls, rows: Rows, step: int = ARRIVAL) -> View:
        """The rows of one step of `rows`, ordered."""
        array = rows.array
        chosen = array["step"] == step
        index = None if chosen.all() else np.flatnonzero(chosen)
        view = cls(array, rows.catalog, index)
        due, seq = view.raw("due_ns"), view.raw("seq")
        rises = due[1:] > due[:-1]
        if np.all(rises | ((due[1:] == due[:-1]) & (seq[1:] >= seq[:-1]))):
            return view
        # One stable sort is quick on spools that ascend each by themselves; seq only breaks the rare tie.
        order = np.argsort(due, kind="stable")
        tied = due[order]
        if np.any(tied[1:] == tied[:-1]):
            order = np.lexsort((seq, due))
        return cls(array, rows.catalog, order if index is None else index[order])

    def __len__(self) -> int:
        return len(self._array) if self._index is None else len(self._index)

    def where(self, mask: Bools) -> View:
        """The rows of `mask` (shape (n,)), in the same order."""
        if mask.all():
            return self
        return View(self._array, self.catalog, np.flatnonzero(mask) if self._index is None else self._index[mask])

    def raw(self, name: str) -> npt.NDArray[Any]:
        """One field as stored."""
        column: npt.NDArray[Any] = self._array[name]
        return column if self._index is None else column[self._index]

    def _seconds(self, name: str) -> Floats:
        ns = self.raw(name)
        seconds: Floats = ns * 1e-9
        missing = ns < 0
        if missing.any():
            seconds[missing] = np.nan
        return seconds

    @cached_property
    def due_s(self) -> Floats:
        return self._seconds("due_ns")

    @cached_property
    def sent_s(self) -> Floats:
        return self._seconds("sent_ns")

    @cached_property
    def finished_s(self) -> Floats:
        return self._seconds("finished_ns")

    @cached_property
    def first_token_s(self) -> Floats:
        return self._seconds("first_token_ns")

    @cached_property
    def last_token_s(self) -> Floats:
        return self._seconds("last_token_ns")

    @cached_property
    def outcome(self) -> npt.NDArray[np.uint8]:
        return np.ascontiguousarray(self.raw("outcome")).astype(np.uint8, copy=False)

    @cached_property
    def success(self) -> Bools:
        """Ok or degraded."""
        return _SUCCESS[self.outcome]

    @cached_property
    def never_sent(self) -> Bools:
        return _NEVER_SENT[self.outcome]

    @cached_property
    def streamed(self) -> Bools:
        return (self.raw("flags").astype(np.uint16) & FLAG_STREAMED) > 0

    @cached_property
    def phase(self) -> npt.NDArray[np.uint8]:
        return np.ascontiguousarray(self.raw("phase")).astype(np.uint8, copy=False)

    @cached_property
    def journey(self) -> npt.NDArray[np.uint8]:
        return np.ascontiguousarray(self.raw("journey")).astype(np.uint8, copy=False)

    @cached_property
    def e2e_s(self) -> Floats:
        """Response time from due; NaN where no end came."""
        return self.span_s("due_ns", "finished_ns")

    @cached_property
    def send_lag_s(self) -> Floats:
        """Sent minus due; NaN where not sent."""
        return self.span_s("due_ns", "sent_ns")

    def span_s(self, earlier: str, later: str) -> Floats:
        """Seconds between two stored moments, taken before they are rounded to floats; NaN where either did not
        come."""
        start, end = self.raw(earlier), self.raw(later)
        span: Floats = (end - start) * 1e-9
        missing = (start < 0) | (end < 0)
        if missing.any():
            span[missing] = np.nan
        return span
