"""Bytes over Locust's channel in bounded pieces, each with its CRC: the plan goes out, the rows come home. Pure.

One piece is under way at a time: the receiver asks for the next by the offset it has come to. So memory is bounded on
both sides, and a piece that is lost, doubled or damaged is seen at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

PIECE_BYTES = 1 << 20
MOST_BYTES = 1 << 32


class ParcelError(Exception):
    """A piece that does not fit: the transfer cannot be believed from here on."""


def cut(name: str, data: memoryview, offset: int) -> dict[str, Any]:
    """The piece of `data` at `offset`, as a message."""
    piece = bytes(data[offset : offset + PIECE_BYTES])
    return {"name": name, "offset": offset, "total": len(data), "data": piece, "crc": zlib.crc32(piece)}


class Parcel:
    """What has been received of one parcel."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.size = 0
        self.total = -1

    @property
    def is_whole(self) -> bool:
        return self.size == self.total

    def take(self, piece: Mapping[str, Any]) -> bytes:
        """The piece's bytes, if it is the next one. Raises ParcelError."""
        data, offset, total = piece.get("data"), piece.get("offset"), piece.get("total")
        if piece.get("name") != self.name or not isinstance(data, bytes) or len(data) > PIECE_BYTES:
            raise ParcelError(f"{self.name}: not a piece of it")
        if not isinstance(total, int) or not 0 <= total <= MOST_BYTES or self.total not in (-1, total):
            raise ParcelError(f"{self.name}: its size changed to {total!r:.20}")
        if offset != self.size or self.size + len(data) > total or (not data and total):
            raise ParcelError(f"{self.name}: a piece at {offset!r:.20}, where {self.size} was due")
        if zlib.crc32(data) != piece.get("crc"):
            raise ParcelError(f"{self.name}: the piece at {offset} does not match its checksum")
        self.total = total
        self.size += len(data)
        return data
