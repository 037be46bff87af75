"""Locust's own table of statistics, filled from the rows of all workers when the load is over: for tools that read it.

Not before: to fill it each second stood in the way of what was due then, a millisecond at a time. It is never the
source of a verdict: its response times are rounded and its percentiles are of buckets. An arrival counts from its due
time, under its journey's name; a request of a journey that has several under its step's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.results import ARRIVAL, SUCCESSES, Catalog, Rows

_SUCCESSES = np.array([int(outcome) for outcome in SUCCESSES])
_AT_ONCE = 100_000
_JOURNEY, _STEP = "journey", "step"
"""What stands in the column where Locust has the HTTP method."""


class LocustTable:
    """`stats` is Locust's `RequestStats`; the load began at `start_wall_s`, in seconds of the epoch."""

    def __init__(self, stats: Any, start_wall_s: float) -> None:
        self._stats = stats
        self._wall_s = start_wall_s

    def fill(self, rows: Rows) -> None:
        """By those of requests that went out; others are passed over."""
        for first in range(0, rows.array.size, _AT_ONCE):
            self._add(rows.array[first : first + _AT_ONCE], rows.catalog)

    def _add(self, rows: npt.NDArray[np.void], names: Catalog) -> None:
        rows = rows[(rows["sent_ns"] >= 0) & (rows["finished_ns"] >= 0)]
        kinds = rows["step"].astype(np.int64) << 8 | rows["journey"]
        for kind in np.unique(kinds).tolist():
            part, step = rows[kinds == kind], kind >> 8
            name = names.journeys[kind & 0xFF] if step == ARRIVAL else names.steps[step]
            entry = self._entry(name, _JOURNEY if step == ARRIVAL else _STEP, part)
            self._stats.get(entry.name, entry.method).extend(entry)
            if step == ARRIVAL:
                self._stats.total.extend(entry)

    def _entry(self, name: str, method: str, rows: npt.NDArray[np.void]) -> Any:
        entry = type(self._stats.total)(self._stats, name, method)
        taken_ms = np.maximum(rows["finished_ns"] - rows["due_ns"], 0) / 1e6
        ended_s = self._wall_s + rows["finished_ns"] / 1e9
        failed = ~np.isin(rows["outcome"], _SUCCESSES)
        entry.num_requests, entry.num_failures = rows.size, int(failed.sum())
        entry.total_response_time = float(taken_ms.sum())
        entry.min_response_time, entry.max_response_time = float(taken_ms.min()), float(taken_ms.max())
        entry.total_content_length = int(rows["bytes_in"].sum(dtype=np.int64))
        entry.start_time, entry.last_request_timestamp = float(ended_s.min()), float(ended_s.max())
        entry.response_times = _counts(rounded_ms(taken_ms))
        entry.num_reqs_per_sec = _counts(ended_s.astype(np.int64))
        entry.num_fail_per_sec = _counts(ended_s[failed].astype(np.int64))
        return entry


def rounded_ms(taken_ms: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """To two digits and no finer than a millisecond, and to a second from ten seconds on: as Locust rounds."""
    scale = 10.0 ** np.clip(np.floor(np.log10(np.maximum(taken_ms, 1.0))) - 1, 0, 3)
    rounded: npt.NDArray[np.int64] = (np.rint(taken_ms / scale) * scale).astype(np.int64)
    return rounded


def _counts(values: npt.NDArray[np.int64]) -> dict[int, int]:
    numbers, counts = np.unique(values, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))
