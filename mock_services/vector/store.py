"""What every vector dialect stands on: the collections, how long a search takes, the read limit and the queue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from numpy import intp
from numpy.typing import NDArray
from pydantic import Field

from mock_services.pace import until
from mock_services.quota import ContinuousBucket
from mock_services.service import Context
from mock_services.station import Station
from mock_services.vector.collection import Collection, Hit
from mock_services.vector.latency import SearchClock, SearchCost

_FIRST_STALE_VERSION = 1


class VectorSettings(SearchCost):
    """Settings of every vector mock."""

    collection: str = Field(default="docs", min_length=1, max_length=255)
    points: int = Field(default=2_000, ge=0, le=50_000, description="points that are really there")
    dimensions: int = Field(default=256, ge=1, le=4_096)
    size: int = Field(default=1_000_000, ge=1, le=10**12, description="points that the latency model believes in")
    servers: int = Field(default=8, ge=1, le=4_096, description="searches worked on at once")
    queue: int = Field(default=256, ge=0, le=1_000_000, description="searches that may wait; beyond it: 503")
    read_rate_limit: int | None = Field(default=None, ge=1, description="searches a minute; beyond it: 429")
    retry_after: bool = Field(default=True, description="whether a 429 says when to come back")
    results: Literal["right", "empty", "stale", "wrong"] = Field(
        default="right", description="empty: no hits; stale: of an old version; wrong: the farthest points"
    )


class TooManyReadsError(Exception):
    """The read limit: come back after `wait_s`; infinity where so many reads never fit at once."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("read limit")
        self.wait_s = wait_s


class OverloadedError(Exception):
    """The queue is full."""


class VectorStore:
    """Collections behind a queue and a limit. Settings change at once; points stay."""

    def __init__(self, settings: VectorSettings, context: Context, *, text_ids: bool = False) -> None:
        self._context = context
        self._text_ids = text_ids
        self._clock = SearchClock(context.seed)
        self._station = Station(settings.servers, settings.queue)
        self._bucket: ContinuousBucket | None = None
        self.collections: dict[str, Collection] = {}
        self.settings = settings
        self.change(settings)
        self._seed_collection()

    def change(self, settings: VectorSettings) -> None:
        now_s = self._context.clock()
        before = self.settings
        self.settings = settings
        self._station.resize(settings.servers, settings.queue, now_s)
        if settings.read_rate_limit is None:
            self._bucket = None
        elif self._bucket is None:
            self._bucket = ContinuousBucket(settings.read_rate_limit, 60.0)
        else:
            self._bucket.resize(settings.read_rate_limit, now_s)
        seeded = ("collection", "points", "dimensions")
        if any(getattr(before, name) != getattr(settings, name) for name in seeded):
            self._seed_collection()

    def book_reads(self, count: int = 1) -> None:
        """Books reads, all or none. Raises TooManyReadsError."""
        if self._bucket is None:
            return
        now_s = self._context.clock()
        wait_s = self._bucket.wait_s(count, now_s)
        if wait_s > 0:
            raise TooManyReadsError(wait_s)
        self._bucket.take(count, now_s)

    def search(
        self, collection: Collection, query: Sequence[float], count: int, rows: NDArray[intp] | None
    ) -> list[Hit]:
        """The hits that the setting `results` wants. Raises DimensionError, ValueError."""
        if self.settings.results == "empty":
            collection.nearest(query, 1)  # a wrong vector is refused all the same
            return []
        return collection.nearest(query, count, rows, farthest=self.settings.results == "wrong")

    def version(self, row: int) -> int:
        """Of a point; a stale read sees the first one."""
        return _FIRST_STALE_VERSION if self.settings.results == "stale" else 100 + row

    async def work(self, collection: Collection, top_k: int, rows: NDArray[intp] | None, sent_bytes: int) -> None:
        """Waits as long as the search takes, in the queue and at work. Raises OverloadedError."""
        passing = 1.0 if rows is None or not len(collection) else len(rows) / len(collection)
        work_s = self._clock.duration_s(
            self.settings, size=self.settings.size, top_k=top_k, passing=passing, sent_bytes=sent_bytes
        )
        done_s = self._station.admit(self._context.clock(), work_s)
        if done_s is None:
            raise OverloadedError
        await until(done_s, self._context)

    def _seed_collection(self) -> None:
        settings = self.settings
        self.collections[settings.collection] = Collection.seeded(
            settings.points, settings.dimensions, self._context.seed, text_ids=self._text_ids
        )


def whole_seconds(wait_s: float) -> str:
    """For Retry-After: sufficient, and at least one."""
    return str(max(1, math.ceil(wait_s)))
