"""Admission: so many requests at work, so many waiting, the rest shed at once. First come, first served."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ShedError(Exception):
    """The request was not let in: the queue was full, or its wait too long."""


class TenantShedError(ShedError):
    """The tenant has all the places that one may have."""


class Gate:
    """At most `concurrency` inside, at most `queue` waiting, none longer than `wait_s`; None is no bound. No tenant has
    more than `tenant_places` inside and waiting; a request without a tenant counts as nobody's."""

    def __init__(
        self, concurrency: int, queue: int | None, wait_s: float | None, tenant_places: int | None = None
    ) -> None:
        self._concurrency = self._free = concurrency
        self._queue = queue
        self._wait_s = wait_s
        self._tenant_places = tenant_places
        self._tenants: Counter[str] = Counter()
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @asynccontextmanager
    async def place(self, tenant: str = "") -> AsyncIterator[None]:
        """A place for as long as the block lasts. Raises ShedError before it."""
        if tenant and self._tenant_places is not None and self._tenants[tenant] >= self._tenant_places:
            raise TenantShedError("this tenant has its share of the places")
        self._tenants[tenant] += 1
        try:
            await self.enter()
            try:
                yield
            finally:
                self.leave()
        finally:
            self._tenants[tenant] -= 1
            if not self._tenants[tenant]:
                del self._tenants[tenant]

    async def enter(self) -> None:
        """Waits for a place. Raises ShedError; whoever got in must `leave`."""
        if self._free > 0:
            self._free -= 1
            return
        if self._queue is not None and len(self._waiting) >= self._queue:
            raise ShedError("the queue is full")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self._wait_s):
                await place
        except BaseException as error:
            # A place may have been handed over in the very moment the wait ended: it goes to the next in line.
            if place.done() and not place.cancelled():
                self.leave()
            else:
                self._waiting.remove(place)
            if isinstance(error, TimeoutError):
                raise ShedError("the wait was too long") from None
            raise

    def resize(
        self, concurrency: int, queue: int | None, wait_s: float | None, tenant_places: int | None = None
    ) -> None:
        """New bounds at once; those inside stay, and where they are too many the next places freed are not filled."""
        self._free += concurrency - self._concurrency
        self._concurrency, self._queue, self._wait_s = concurrency, queue, wait_s
        self._tenant_places = tenant_places
        while self._free > 0 and self._waiting:
            self._free -= 1
            self.leave()

    def leave(self) -> None:
        while self._waiting and self._free >= 0:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
