"""The path between the load and its target, as the kernel's TCP saw it: segments sent again, out of order, round trips.

A path that loses segments, or that queues them, makes a target look slow. The kernel keeps count for each connection
(`struct tcp_info`, linux/tcp.h); here they are summed up. SYNs that were sent again are left out: a full accept queue
drops them too, and that is the target's own doing.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from itertools import islice
from statistics import median
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

_AT_ONCE = 64
"""Connections that are asked each second; a call takes about a microsecond, and the load waits for it."""
_INFO_BYTES = 232
_RTT_US, _TOTAL_RETRANS, _SEGS_IN, _SEGS_OUT, _OOO = 68, 100, 152, 156, 224
"""Offsets of `tcpi_rtt`, `tcpi_total_retrans`, `tcpi_data_segs_in`, `tcpi_data_segs_out` and `tcpi_rcv_ooopack`."""


class PathCounts(NamedTuple):
    """Since the start. `resent` of `sent` data segments; `unordered` of `received` ones came out of order, which is how
    a loss on the way here shows."""

    sent: int = 0
    resent: int = 0
    received: int = 0
    unordered: int = 0


def read_path(sock: Any) -> tuple[PathCounts, float] | None:
    """What the kernel has counted for one socket, and its smoothed round trip in seconds; None where it does not say
    (another system, or a kernel before 5.4)."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    except (OSError, AttributeError):
        return None
    if len(info) < _OOO + 4:
        return None

    def at(offset: int) -> int:
        return int(struct.unpack_from("=I", info, offset)[0])

    return PathCounts(at(_SEGS_OUT), at(_TOTAL_RETRANS), at(_SEGS_IN), at(_OOO)), at(_RTT_US) / 1e6


class PathWatch:
    """Sums up over connections, those that are gone included."""

    def __init__(self) -> None:
        self.total = PathCounts()
        self._last: WeakKeyDictionary[Any, PathCounts] = WeakKeyDictionary()
        """What was counted already of each open socket. Other people's clients leave theirs to the collector."""
        self._turn: Iterator[Any] = iter(())

    def opened(self, sock: Any) -> None:
        read = read_path(sock)
        if read is not None:
            self._last[sock] = PathCounts(resent=read[0].resent)  # of the handshake

    def closing(self, sock: Any) -> None:
        """The last word on a socket that is about to be closed."""
        if sock in self._last:
            self._add(sock)
            self._last.pop(sock, None)

    def sample(self) -> float:
        """Asks some of the open sockets, others the next time; their median round trip in seconds, 0 without any."""
        asked = list(islice(self._turn, _AT_ONCE))
        if len(asked) < _AT_ONCE:
            self._turn = iter(list(self._last))
            asked += [sock for sock in islice(self._turn, _AT_ONCE - len(asked)) if sock not in asked]
        round_trips = [rtt_s for sock in asked if sock in self._last and (rtt_s := self._add(sock)) > 0]
        return median(round_trips) if round_trips else 0.0

    def _add(self, sock: Any) -> float:
        read = read_path(sock)
        if read is None:
            self._last.pop(sock, None)
            return 0.0
        counts, rtt_s = read
        before = self._last[sock]
        self._last[sock] = counts
        self.total = PathCounts(*(t + max(0, now - b) for t, now, b in zip(self.total, counts, before, strict=True)))
        return rtt_s
