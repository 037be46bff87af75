"""From exchanges to rows: the books of one worker, and what it counts for its master."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable

from harness.engine.exchange import Exchange
from harness.engine.share import Share
from harness.results import ARRIVAL, NEVER, Catalog, Outcome, Reason, SpoolWriter

_U8, _U16, _U32 = 0xFF, 0xFFFF, 0xFFFFFFFF
_MOST_NAMES = 255
_OTHER = "other"
_FIELDS_MAX = (*(2**63 - 1,) * 5, *(_U32,) * 6, *(_U16,) * 3, *(_U8,) * 10)


class Recorder:
    """Writes rows and counts arrivals. Rows hold times from the start of the load: `start_ns` is set before it."""

    def __init__(self, writer: SpoolWriter, worker: int, catalog: Catalog, clock_ns: Callable[[], int]) -> None:
        self._writer = writer
        self._worker = worker
        self._clock_ns = clock_ns
        self.start_ns = 0
        self.outcomes = array("Q", [0] * len(Outcome))
        """Arrivals by outcome, cumulative."""
        self.in_flight = 0
        self._area_ns = 0
        self._area_at_ns = 0
        self._steps = {name: index for index, name in enumerate(catalog.steps)}
        self._served_by = {name: index for index, name in enumerate(catalog.served_by)}
        writer.name("steps", list(self._steps))
        writer.name("degraded", catalog.degraded)
        writer.name("served_by", list(self._served_by))

    @property
    def finished(self) -> int:
        """Arrivals with a terminal outcome, those not sent included."""
        return sum(self.outcomes)

    @property
    def not_sent(self) -> int:
        return self.outcomes[Outcome.NOT_SENT]

    def begin(self, start_ns: int) -> None:
        self.start_ns = self._area_at_ns = start_ns

    def enter(self, now: int) -> None:
        """One more arrival is in flight."""
        self._area_ns += self.in_flight * (now - self._area_at_ns)
        self._area_at_ns = now
        self.in_flight += 1

    def leave(self, now: int) -> None:
        self._area_ns += self.in_flight * (now - self._area_at_ns)
        self._area_at_ns = now
        self.in_flight -= 1

    def area_s(self, now: int) -> float:
        """The integral of in-flight over time since the start, in request-seconds: one side of Little's law."""
        return (self._area_ns + self.in_flight * (now - self._area_at_ns)) / 1e9

    def step_number(self, name: str) -> int:
        """The number of a step's name; a new name is written to the spool before any row that uses it."""
        return self._number(self._steps, "steps", name)

    def skip(self, share: Share, index: int, reason: Reason, _now: int) -> None:
        """An arrival that was not sent."""
        self.outcomes[Outcome.NOT_SENT] += 1
        self._writer.add(
            *(share.due_ns[index], NEVER, NEVER, NEVER, NEVER, share.seq[index], 0, 0, 0, 0, 0),
            *(self._worker, 0, 0, Outcome.NOT_SENT, reason, share.journey[index], ARRIVAL, share.phase[index]),
            *(share.tenant[index], 0, 0, 0, 0),
        )

    def arrival(self, share: Share, index: int, exchange: Exchange) -> None:
        """The terminal row of an arrival; `exchange` holds what the whole journey came to."""
        self.outcomes[exchange.outcome] += 1
        self._row(share, index, exchange, ARRIVAL, share.due_ns[index])

    def step(self, share: Share, index: int, exchange: Exchange, asked_ns: int) -> None:
        """One request of a journey that has several; `asked_ns` (absolute) is when the journey asked for it."""
        self._row(share, index, exchange, exchange.request.step or 1, asked_ns - self.start_ns)

    def _row(self, share: Share, index: int, exchange: Exchange, step: int, due_ns: int) -> None:
        start = self.start_ns
        sent, first, last = exchange.sent_ns, exchange.first_token_ns, exchange.last_token_ns
        served_by = self._number(self._served_by, "served_by", exchange.served_by) if exchange.served_by else 0
        row = (
            due_ns,
            sent - start if sent >= 0 else NEVER,
            first - start if first >= 0 else NEVER,
            last - start if last >= 0 else NEVER,
            exchange.finished_ns - start if exchange.finished_ns >= 0 else NEVER,
            share.seq[index],
            exchange.tokens_in,
            exchange.tokens_out,
            exchange.events,
            exchange.max_gap_ns // 1000,
            exchange.bytes_in,
            self._worker,
            exchange.status,
            exchange.flags,
            exchange.outcome,
            exchange.reason,
            share.journey[index],
            step,
            share.phase[index],
            share.tenant[index],
            exchange.attempts,
            exchange.degraded,
            served_by,
            0,
        )
        try:
            self._writer.add(*row)
        except struct.error:  # a server may claim any number of tokens: what does not fit is the most that does
            low = (NEVER,) * 5 + (0,) * 19
            self._writer.add(*map(min, map(max, row, low), _FIELDS_MAX))

    def _number(self, table: dict[str, int], name: str, value: str) -> int:
        number = table.get(value)
        if number is None:
            if len(table) >= _MOST_NAMES:
                value = _OTHER  # a server that invents names does not fill the catalog
            number = table.setdefault(value, len(table))
            self._writer.name(name, list(table))
        return number
