"""What the mock saw: the request log, the counts, and its own pacing error (how late it was itself)."""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import Any

LOG_LIMIT = 500_000
_BINS_PER_OCTAVE = 8
_FLOOR_S = 1e-5


class Record:
    """One line of the request log. Times are monotonic seconds; 0 is "not yet"."""

    __slots__ = (
        "faults",
        "finished_s",
        "first_byte_s",
        "hint_s",
        "index",
        "method",
        "model",
        "outcome",
        "path",
        "run",
        "seq",
        "service",
        "started_s",
        "status",
        "tokens_in",
        "tokens_out",
    )

    def __init__(self, method: str, path: str, run: str = "", seq: str = "") -> None:
        self.method = method
        self.path = path
        self.index = 0
        self.service = ""
        self.run = run
        self.seq = seq
        self.model = ""
        self.status = 0
        self.started_s = 0.0
        self.first_byte_s = 0.0
        self.finished_s = 0.0
        self.tokens_in = 0
        self.tokens_out = 0
        self.hint_s = 0.0
        """The Retry-After that a refusal carried, in seconds; 0 is none."""
        self.outcome = ""
        """`ok`, `throttled`, `client_error`, `server_error`, `cut`, `disconnected`; else the status decides."""
        self.faults = ""
        """Names of the faults that touched it, comma-separated."""

    def settle(self) -> None:
        """Fills in the outcome where neither service nor fault has."""
        if not self.outcome:
            status = self.status
            if status == 429:
                self.outcome = "throttled"
            elif status < 400:
                self.outcome = "ok" if status else "disconnected"
            else:
                self.outcome = "client_error" if status < 500 else "server_error"

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in sorted(self.__slots__)}


class RequestLog:
    """The last `limit` finished requests in the order they finished, with an index that never repeats or goes back."""

    def __init__(self, limit: int = LOG_LIMIT) -> None:
        self._records: deque[Record] = deque(maxlen=limit)
        self.next_index = 1

    def add(self, record: Record) -> None:
        record.index = self.next_index
        self.next_index += 1
        self._records.append(record)

    def page(self, service: str = "", after: int = 0, limit: int = 1000) -> list[Record]:
        """Records with an index above `after`, oldest first; of one service, or of all."""
        if not self._records:
            return []
        skip = max(0, after + 1 - self._records[0].index)
        found: list[Record] = []
        for position in range(skip, len(self._records)):
            record = self._records[position]
            if not service or record.service == service:
                found.append(record)
                if len(found) >= limit:
                    break
        return found


class DelayHistogram:
    """Delays in log-spaced bins of 9 %: enough for a p99 that decides whether the mock was late."""

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()
        self.count = 0

    def add(self, delay_s: float, n: int = 1) -> None:
        ratio = delay_s / _FLOOR_S
        self._bins[0 if ratio <= 1 else math.ceil(math.log2(ratio) * _BINS_PER_OCTAVE)] += n
        self.count += n

    def quantile_s(self, q: float) -> float | None:
        """The upper edge of the bin that holds the q-quantile, or None where nothing was measured."""
        if not self.count:
            return None
        rank = math.ceil(q * self.count)
        seen = 0
        for index in sorted(self._bins):
            seen += self._bins[index]
            if seen >= rank:
                return float(_FLOOR_S * 2 ** (index / _BINS_PER_OCTAVE))
        raise AssertionError("the bins hold every count")


class Counts:
    """Running totals of one service."""

    def __init__(self) -> None:
        self.started = 0
        self.in_flight = 0
        self.by_status: dict[int, int] = {}
        self.by_outcome: dict[str, int] = {}
        self.tokens_in = 0
        self.tokens_out = 0
        self.connections = 0
        self.pacing = DelayHistogram()

    def add(self, record: Record) -> None:
        self.in_flight -= 1
        status, by_status = record.status, self.by_status
        by_status[status] = by_status.get(status, 0) + 1
        outcome, by_outcome = record.outcome, self.by_outcome
        by_outcome[outcome] = by_outcome.get(outcome, 0) + 1
        if record.tokens_in or record.tokens_out:
            self.tokens_in += record.tokens_in
            self.tokens_out += record.tokens_out

    def to_json(self) -> dict[str, Any]:
        p99_s = self.pacing.quantile_s(0.99)
        return {
            "requests": self.started,
            "in_flight": self.in_flight,
            "by_status": {str(status): n for status, n in sorted(self.by_status.items())},
            "by_outcome": dict(sorted(self.by_outcome.items())),
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "connections": self.connections,
            "pacing_samples": self.pacing.count,
            "pacing_error_ms_p99": None if p99_s is None else round(p99_s * 1000, 3),
        }
