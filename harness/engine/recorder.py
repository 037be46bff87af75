"""From exchanges to rows: the books of one worker, and what it counts for its master."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from harness.engine.exchange import Exchange, Told
from harness.engine.notes import AGAIN, ENDING, PLAIN, SIZE, WHOLE, fitted, rows_of
from harness.engine.share import Share
from harness.results import ARRIVAL, NEVER, RESULT_DTYPE, Catalog, Outcome, Reason, SpoolWriter

_MOST_NAMES = 255
_OTHER = "other"
_NOTES = 2048
"""Notes kept in memory at most. To make rows of so many takes about 0.1 ms."""
_NOT_SENT = int(Outcome.NOT_SENT)
_ENDINGS_KEPT = 512
_pack_plain, _pack_again, _pack_whole = PLAIN.pack_into, AGAIN.pack_into, WHOLE.pack_into


class Recorder:
    """Writes rows and counts arrivals. Rows hold times from the start of the load: `start_ns` is set before it."""

    def __init__(self, writer: SpoolWriter, worker: int, catalog: Catalog, clock_ns: Callable[[], int]) -> None:
        self._writer = writer
        self._worker = worker
        self._clock_ns = clock_ns
        self.start_ns = 0
        self.outcomes = [0] * len(Outcome)
        """Arrivals by outcome, cumulative."""
        self.in_flight = 0
        self._area_ns = 0
        """The sum of all moments of leaving, less that of all moments of entering."""
        self._notes = bytearray(_NOTES * SIZE)
        self._used = 0
        self._shares: list[Share] = []
        self._share_numbers: dict[Share, int] = {}
        self._endings: dict[Told, tuple[int, bytes]] = {}
        """Of answers that were read before: the outcome's number, and their part of a note."""
        self._steps = {name: index for index, name in enumerate(catalog.steps)}
        self._served_by = {name: index for index, name in enumerate(catalog.served_by)}
        self._written_by = {name: index for index, name in enumerate(catalog.written_by)}
        writer.source = self._take_rows
        writer.name("steps", list(self._steps))
        writer.name("degraded", catalog.degraded)
        writer.name("served_by", list(self._served_by))
        writer.name("written_by", list(self._written_by))

    @property
    def finished(self) -> int:
        """Arrivals with a terminal outcome, those not sent included."""
        return sum(self.outcomes)

    @property
    def not_sent(self) -> int:
        return self.outcomes[_NOT_SENT]

    def begin(self, start_ns: int) -> None:
        self.start_ns = start_ns

    def enter(self, now: int) -> None:
        """One more arrival is in flight."""
        self._area_ns -= now
        self.in_flight += 1

    def leave(self, now: int) -> None:
        self._area_ns += now
        self.in_flight -= 1

    def area_s(self, now: int) -> float:
        """The integral of in-flight over time since the start, in request-seconds: one side of Little's law."""
        return (self._area_ns + self.in_flight * now) / 1e9

    def step_number(self, name: str) -> int:
        """The number of a step's name; a new name is written to the spool before any row that uses it."""
        return self._number(self._steps, "steps", name)

    def skip(self, share: Share, index: int, reason: Reason, _now: int) -> None:
        """An arrival that was not sent."""
        self.outcomes[_NOT_SENT] += 1
        number = self._share_numbers.get(share)
        if number is None:
            number = self._know(share)
        _pack_plain(self._notes, self._used, index, number, 0, NEVER, NEVER, 0, 0, _NOT_SENT, reason, 0, 0, 0)
        self._next()

    def arrival(self, share: Share, index: int, exchange: Exchange) -> None:
        """The terminal row of an arrival; `exchange` holds what the whole journey came to."""
        told = exchange.told
        if told is not None:
            if not exchange.flags and exchange.attempts == 1:
                self.again(share, index, exchange, told)
                return
            told.tell(exchange)
        self.outcomes[exchange.outcome] += 1
        if (
            exchange.first_token_ns >= 0
            or exchange.tokens_out
            or exchange.tokens_in
            or exchange.events
            or exchange.written_by
        ):
            self._whole(share, index, exchange, ARRIVAL, 0)
            return
        number = self._share_numbers.get(share)
        if number is None:
            number = self._know(share)
        served_by = self._number(self._served_by, "served_by", exchange.served_by) if exchange.served_by else 0
        try:
            _pack_plain(
                self._notes,
                self._used,
                index,
                number,
                exchange.status,
                exchange.sent_ns,
                exchange.finished_ns,
                exchange.bytes_in,
                exchange.flags,
                exchange.outcome,
                exchange.reason,
                exchange.attempts,
                exchange.degraded,
                served_by,
            )
        except struct.error:
            self._whole(share, index, exchange, ARRIVAL, 0)
            return
        self._used += SIZE
        if self._used == len(self._notes):
            self._writer.flush()

    def again(self, share: Share, index: int, exchange: Exchange, told: Told) -> None:
        """The same for an answer that was read before, to a request that went out once, on a connection that was up:
        all that is new are its times."""
        outcome, ending = self._endings.get(told) or self._pack_ending(told)
        self.outcomes[outcome] += 1
        number = self._share_numbers.get(share)
        if number is None:
            number = self._know(share)
        used = self._used
        _pack_again(self._notes, used, index, number, told.status, exchange.sent_ns, exchange.finished_ns, ending)
        self._used = used = used + SIZE
        if used == _NOTES * SIZE:
            self._writer.flush()

    def _pack_ending(self, told: Told) -> tuple[int, bytes]:
        served_by = self._number(self._served_by, "served_by", told.served_by) if told.served_by else 0
        packed = ENDING.pack(told.bytes_in, 0, told.outcome, told.reason, 1, told.degraded, served_by)
        if len(self._endings) >= _ENDINGS_KEPT:
            self._endings.clear()
        ending = self._endings[told] = (int(told.outcome), packed)
        return ending

    def step(self, share: Share, index: int, exchange: Exchange, asked_ns: int) -> None:
        """One request of a journey that has several; `asked_ns` (absolute) is when the journey asked for it."""
        self._whole(share, index, exchange, exchange.request.step or 1, asked_ns - self.start_ns)

    def _whole(self, share: Share, index: int, exchange: Exchange, step: int, asked_ns: int) -> None:
        number = self._share_numbers.get(share)
        if number is None:
            number = self._know(share)
        note = (
            index,
            number,
            exchange.status,
            exchange.sent_ns,
            exchange.finished_ns,
            exchange.bytes_in,
            exchange.flags,
            exchange.outcome,
            exchange.reason,
            exchange.attempts,
            exchange.degraded,
            self._number(self._served_by, "served_by", exchange.served_by) if exchange.served_by else 0,
            step,
            1,
            self._number(self._written_by, "written_by", exchange.written_by) if exchange.written_by else 0,
            asked_ns,
            exchange.first_token_ns,
            exchange.last_token_ns,
            exchange.tokens_in,
            exchange.tokens_out,
            exchange.events,
            exchange.max_gap_ns // 1000,
        )
        try:
            _pack_whole(self._notes, self._used, *note)
        except struct.error:
            _pack_whole(self._notes, self._used, *fitted(note))
        self._next()

    def _next(self) -> None:
        self._used += SIZE
        if self._used == len(self._notes):
            self._writer.flush()

    def _take_rows(self) -> npt.NDArray[np.void]:
        """What was noted since the last time, as rows: the writer asks for them when it writes a block."""
        used, self._used = self._used, 0
        if not used:
            return np.empty(0, RESULT_DTYPE)
        return rows_of(self._notes[:used], self._shares, self._worker, self.start_ns)

    def _know(self, share: Share) -> int:
        number = self._share_numbers[share] = len(self._shares)
        self._shares.append(share)
        return number

    def _number(self, table: dict[str, int], name: str, value: str) -> int:
        number = table.get(value)
        if number is None:
            if len(table) >= _MOST_NAMES:
                value = _OTHER  # a server that invents names does not fill the catalog
            number = table.setdefault(value, len(table))
            self._writer.name(name, list(table))
        return number
