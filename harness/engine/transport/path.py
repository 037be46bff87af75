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

_AT_ONCE = 32
"""Connections that are asked each second: the load waits for it, some microseconds each."""
_INFO_BYTES = 232
_INFO = struct.Struct("=68xI28xI48xII64xI")
"""`tcpi_rtt` at 68, `tcpi_total_retrans` at 100, `tcpi_data_segs_in` and `_out` at 152, `tcpi_rcv_ooopack` at 224."""


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
    if len(info) < _INFO.size:
        return None
    rtt_us, resent, received, sent, unordered = _INFO.unpack_from(info)
    return PathCounts(sent, resent, received, unordered), rtt_us / 1e6


class PathWatch:
    """Sums up over connections, those that are gone included."""

    def __init__(self) -> None:
        self._sums = [0, 0, 0, 0]
        self._last: WeakKeyDictionary[Any, PathCounts] = WeakKeyDictionary()
        """What was counted already of each open socket. Other people's clients leave theirs to the collector."""
        self._turn: Iterator[Any] = iter(())

    @property
    def total(self) -> PathCounts:
        return PathCounts(*self._sums)

    def opened(self, sock: Any) -> None:
        read = read_path(sock)
        if read is not None:
            self._last[sock] = PathCounts(resent=read[0].resent)  # of the handshake

    def closing(self, sock: Any) -> None:
        """The last word on a socket that is about to be closed."""
        self._add(sock)
        self._last.pop(sock, None)

    def sample(self) -> float:
        """Asks some of the open sockets, others the next time; their median round trip in seconds, 0 without any."""
        asked = list(islice(self._turn, _AT_ONCE))
        if not asked:
            self._turn = iter(list(self._last))
            asked = list(islice(self._turn, _AT_ONCE))
        round_trips = [rtt_s for sock in asked if (rtt_s := self._add(sock)) > 0]
        return median(round_trips) if round_trips else 0.0

    def _add(self, sock: Any) -> float:
        """What one open socket has counted since it was asked last; returns its round trip in seconds."""
        before = self._last.get(sock)
        if before is None:
            return 0.0
        read = read_path(sock)
        if read is None:
            del self._last[sock]
            return 0.0
        counts, rtt_s = read
        if counts != before:
            self._last[sock] = counts
            sums = self._sums
            for k in range(4):
                sums[k] += max(0, counts[k] - before[k])
        return rtt_s
