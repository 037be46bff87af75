"""Toxiproxy's toxics, by its names, fields and units; each is a lease here, where Toxiproxy's stay until removed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mock_services.faults import parse_named
from mock_services.loop import clock


class CloseLink(Exception):  # noqa: N818 -- an order to the proxy, not an error of it
    """Both sides get a FIN."""


@dataclass
class Piece:
    """Bytes on their way, and when they were read."""

    data: bytes
    read_s: float


class Toxic(BaseModel):
    """`stream` and `toxicity` are Toxiproxy's: which way, and what share of the connections (seeded). `after_s` is that
    of every fault here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stream: Literal["downstream", "upstream"] = "downstream"
    toxicity: float = Field(default=1.0, gt=0, le=1)
    after_s: float = Field(default=0, ge=0, description="begin so long after the lease was granted")

    async def carry(self, piece: Piece, rng: random.Random, carried: int) -> AsyncIterator[Piece]:
        """What comes out for what came in. `carried` bytes have gone this way before. May raise CloseLink."""
        yield piece

    def ends_after_s(self) -> tuple[float, bool] | None:
        """The connection ends so long after the toxic reached it: (seconds, by RST). None: it does not."""
        return None

    def close_delay_s(self) -> float:
        """How long the proxy waits before it passes a close on."""
        return 0.0


class Latency(Toxic):
    latency: int = Field(default=0, ge=0, le=3_600_000, description="milliseconds")
    jitter: int = Field(default=0, ge=0, le=3_600_000, description="milliseconds, either way")

    async def carry(self, piece: Piece, rng: random.Random, carried: int) -> AsyncIterator[Piece]:
        """From when it was read: pieces behind each other are not delayed twice."""
        delay_s = (self.latency + (rng.uniform(-self.jitter, self.jitter) if self.jitter else 0)) / 1000
        await asyncio.sleep(max(0.0, piece.read_s + delay_s - clock()))
        yield piece


class Bandwidth(Toxic):
    rate: int = Field(gt=0, le=10_000_000, description="KB/s")

    async def carry(self, piece: Piece, rng: random.Random, carried: int) -> AsyncIterator[Piece]:
        """In slices of a tenth of a second."""
        step = max(1, self.rate * 100)
        for start in range(0, len(piece.data), step):
            part = piece.data[start : start + step]
            await asyncio.sleep(len(part) / (self.rate * 1000))
            yield Piece(part, piece.read_s)


class SlowClose(Toxic):
    delay: int = Field(default=0, ge=0, le=3_600_000, description="milliseconds")

    def close_delay_s(self) -> float:
        return self.delay / 1000


class Timeout(Toxic):
    """Nothing gets through; the connection is closed after `timeout`, or never where it is 0."""

    timeout: int = Field(default=0, ge=0, le=3_600_000, description="milliseconds")

    async def carry(self, piece: Piece, rng: random.Random, carried: int) -> AsyncIterator[Piece]:
        nothing: tuple[Piece, ...] = ()
        for part in nothing:
            yield part

    def ends_after_s(self) -> tuple[float, bool] | None:
        return (self.timeout / 1000, False) if self.timeout else None


class ResetPeer(Toxic):
    """RST after `timeout`, at once where it is 0."""

    timeout: int = Field(default=0, ge=0, le=3_600_000, description="milliseconds")

    def ends_after_s(self) -> tuple[float, bool] | None:
        return self.timeout / 1000, True


class Slicer(Toxic):
    average_size: int = Field(default=100, ge=1, description="bytes")
    size_variation: int = Field(default=0, ge=0, description="bytes, either way")
    delay: int = Field(default=0, ge=0, le=60_000_000, description="microseconds between slices")

    async def carry(self, piece: Piece, rng: random.Random, carried: int) -> AsyncIterator[Piece]:
        start = 0
        while start < len(piece.data):
            size = max(1, self.average_size + rng.randint(-self.size_variation, self.size_variation))
            yield Piece(piece.data[start : start + size], piece.read_s)
            start += size
            await asyncio.sleep(self.delay / 1e6)


class LimitData(Toxic):
    bytes: int = Field(default=0, ge=0, description="the connection is closed once so many have gone through")

    async def carry(self, piece: Piece, rng: random.Random, carried: int) -> AsyncIterator[Piece]:
        left = self.bytes - carried
        if left > 0:
            yield Piece(piece.data[:left], piece.read_s)
        if left <= len(piece.data):
            raise CloseLink


class Down(Toxic):
    """Toxiproxy's disabled proxy: the port refuses, open connections are reset."""


TOXICS: dict[str, type[Toxic]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slow_close": SlowClose,
    "timeout": Timeout,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "limit_data": LimitData,
    "down": Down,
}


def parse_toxic(name: str, fields: Mapping[str, Any]) -> Toxic:
    """Raises FaultError on an unknown toxic, an unknown field or a wrong value."""
    return parse_named(TOXICS, "toxic", name, fields)
