"""Arrivals that come as new users do: on a connection of their own, opened for them and closed behind them.

A warm pool hides what a launch costs: each newcomer pays for connecting and TLS before anything else. The later
requests of a journey use the arrival's own connection, as a browser or an app would.
"""

from __future__ import annotations

from typing import Any

_TURN = 0x9E3779B97F4A7C15
"""2**64 by the golden ratio: its multiples, cut to 64 bits, lie as evenly as numbers can, in every part of the seqs."""
_MASK = 2**64 - 1


class Newcomers:
    """Which arrivals are new users, and the connections that they hold."""

    def __init__(self, share: float) -> None:
        self._below = round(share * 2**64)
        self._piles: dict[int, list[Any]] = {}

    def is_new(self, seq: int) -> bool:
        return (seq * _TURN & _MASK) < self._below

    def pile(self, seq: int, shared: list[Any]) -> list[Any]:
        """Where the idle connections of this arrival lie: a pile of its own, or the `shared` one."""
        return self._piles.setdefault(seq, []) if self.is_new(seq) else shared

    def leave(self, seq: int) -> None:
        """The arrival is over; its connections go with it."""
        for connection in self._piles.pop(seq, ()):
            connection.close()
