"""Columns of the rows, in order of due time, taken out one by one and only when asked for: a run may hold ten
million rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.results import ARRIVAL, NEVER_SENT, SUCCESSES, Catalog, Rows
from harness.results.row import FLAG_STREAMED

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Indexes = npt.NDArray[np.intp]
Take = Callable[[str], npt.NDArray[Any]]
"""Brings one stored field."""

FLAG_DUE_FROM_SENT = 1 << 15
"""Set by readers of other tools' rows: nobody recorded when the request was due, so it is taken from the send."""
FLAG_GAP_UNKNOWN = 1 << 14
"""Set by readers of other tools' rows: nobody recorded the pauses of this stream, so that its 0 is not one."""

_SUCCESS = np.zeros(256, dtype=bool)
_SUCCESS[[int(o) for o in SUCCESSES]] = True
_NEVER_SENT = np.zeros(256, dtype=bool)
_NEVER_SENT[[int(o) for o in NEVER_SENT]] = True


class View:
    """Some rows of one step in order of due time (seq on ties). Times in seconds on the run's clock, NaN for a moment
    that did not come; every column has shape (n,)."""

    def __init__(self, take: Take, count: int, catalog: Catalog, *, keeps: bool = True) -> None:
        self._take = take
        self._keeps = keeps
        self._count = count
        self._columns: dict[str, npt.NDArray[Any]] = {}
        self.catalog = catalog

    @classmethod
    def whole(cls, rows: Rows) -> View:
        """Every row of `rows`, of whatever step, in stored order; its columns are read anew each time."""
        return cls(lambda name: np.ascontiguousarray(rows.array[name]), len(rows.array), rows.catalog, keeps=False)

    @classmethod
    def of(cls, rows: Rows, step: int = ARRIVAL) -> View:
        """The rows of one step of `rows`, ordered."""
        everything = cls.whole(rows)
        view = everything.where(everything.raw("step") == step)
        due, seq = view.raw("due_ns"), view.raw("seq")
        if np.all((due[1:] > due[:-1]) | ((due[1:] == due[:-1]) & (seq[1:] >= seq[:-1]))):
            return view
        # One stable sort is quick on spools that ascend each by themselves; seq only breaks the rare tie.
        order = np.argsort(due, kind="stable")
        tied = due[order]
        if np.any(tied[1:] == tied[:-1]):
            order = np.lexsort((seq, due))
        return view._picked(order, len(order))

    def __len__(self) -> int:
        return self._count

    def where(self, mask: Bools) -> View:
        """The rows of `mask` (shape (n,)), in the same order; a run of neighbours shares its parent's columns."""
        index = np.flatnonzero(mask)
        if len(index) == self._count:
            return self
        if len(index) and index[-1] - index[0] + 1 == len(index):
            return self._picked(slice(int(index[0]), int(index[-1]) + 1), len(index))
        return self._picked(index, len(index))

    def _picked(self, which: slice | Indexes, count: int) -> View:
        return View(lambda name: self.raw(name)[which], count, self.catalog)

    def raw(self, name: str) -> npt.NDArray[Any]:
        """One field as stored."""
        if not self._keeps:
            return self._take(name)
        if name not in self._columns:
            self._columns[name] = self._take(name)
        return self._columns[name]

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
        return self.raw("outcome")

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
        return self.raw("phase")

    @cached_property
    def journey(self) -> npt.NDArray[np.uint8]:
        return self.raw("journey")

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
