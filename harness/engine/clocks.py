"""How far another host's monotonic clock is from ours, from the times of questions and answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ROUNDS = 8


@dataclass(frozen=True)
class Offset:
    """`offset_ns` is to be added to our clock to get theirs; it is wrong by `error_ns` at most."""

    offset_ns: int
    error_ns: int


def estimate_offset(exchanges: Sequence[tuple[int, int, int]]) -> Offset:
    """From (asked, theirs, heard) triples: ours, theirs, ours. The quickest exchange bounds it best, as in NTP."""
    asked, theirs, heard = min(exchanges, key=lambda exchange: exchange[2] - exchange[0])
    return Offset(theirs - (asked + heard) // 2, (heard - asked + 1) // 2)
