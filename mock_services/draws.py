"""Seeded chance that depends on nothing but its arguments: the same run hits the same requests."""

from __future__ import annotations

_MASK = (1 << 64) - 1


def draw(seed: int, lease: str, index: int) -> float:
    """A number in [0, 1) (splitmix64 of seed, lease and index)."""
    z = (seed * 0x9E3779B97F4A7C15 + int.from_bytes(lease.encode(), "little") + index * 0xD1342543DE82EF95) & _MASK
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = ((z ^ (z >> shift)) * factor) & _MASK
    z ^= z >> 31
    return (z >> 11) / (1 << 53)
