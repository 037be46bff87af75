"""How far apart the pieces of a streamed answer came: one log-binned histogram a worker and phase.

Rows hold only each stream's largest gap; the histogram counts all of them. Adding two tables merges them, so workers
and runs can be put together. Bins are an eighth of an octave wide (9 %), from 1 us to over two minutes; what is shorter
or longer is in the first or the last.

    file = b"PKGAPS1\\n" worker:u16 phases:u16 bins:u16 reserved:u16 crc:u32 counts:u64[phases][bins]

Little-endian; the CRC-32 runs over everything else. The file is written anew each second.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.uint64]

_MAGIC = b"PKGAPS1\n"
_HEAD = struct.Struct("<8sHHHHI")
_PER_OCTAVE = 8
_FIRST_NS = 1000.0
BINS = 27 * _PER_OCTAVE + 2


@dataclass(frozen=True)
class Gaps:
    """Counts of gaps by phase and bin, of all workers together."""

    counts: Counts
    """Shape (phases, BINS)."""
    damage: tuple[str, ...] = field(default=())
    """Files that could not be read, one sentence each."""

    def count(self, phase: int) -> int:
        return int(self.counts[phase].sum())

    def quantile_s(self, phase: int, q: float) -> float:
        """The upper edge in seconds of the bin with the nearest-rank quantile; NaN of no gap. At most 9 % high."""
        total = self.count(phase)
        if not total:
            return float("nan")
        rank = max(1, int(np.ceil(q * total - 1e-9)))
        return edge_s(int(np.searchsorted(np.cumsum(self.counts[phase]), rank)))


def edge_s(number: int) -> float:
    """The upper edge of a bin, in seconds."""
    return float(_FIRST_NS * 2.0 ** (min(number, BINS - 1) / _PER_OCTAVE)) / 1e9


def binned(gaps_ns: npt.NDArray[np.int64]) -> Counts:
    """Counts of gaps by bin, shape (BINS,)."""
    number = np.ceil(np.log2(np.maximum(gaps_ns, 1) / _FIRST_NS) * _PER_OCTAVE).astype(np.int64)
    return np.bincount(np.clip(number, 0, BINS - 1), minlength=BINS).astype(np.uint64)


def encode_gaps(counts: Counts, worker: int) -> bytes:
    """One worker's file."""
    phases, bins = counts.shape
    head = _HEAD.pack(_MAGIC, worker, phases, bins, 0, 0)[:-4]
    payload = counts.astype("<u8").tobytes()
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


def read_gaps(paths: Sequence[Path], phases: int) -> Gaps | None:
    """The workers' files together; None where no worker wrote one (no answer was streamed)."""
    counts = np.zeros((phases, BINS), np.uint64)
    damage = []
    for path in paths:
        try:
            counts += _decode(path.read_bytes(), phases)
        except (OSError, ValueError, struct.error) as error:
            damage.append(f"{path.name}: {error}")
    return Gaps(counts, tuple(damage)) if paths else None


def _decode(data: bytes, phases: int) -> Counts:
    magic, _, held, bins, _, crc = _HEAD.unpack_from(data)
    if magic != _MAGIC or crc != zlib.crc32(data[_HEAD.size :], zlib.crc32(data[: _HEAD.size - 4])):
        raise ValueError("it does not match its checksum")
    if (held, bins) != (phases, BINS):
        raise ValueError(f"it holds {held} phases of {bins} bins, where {phases} of {BINS} are due")
    return np.frombuffer(data, "<u8", offset=_HEAD.size).reshape(held, bins).astype(np.uint64)
