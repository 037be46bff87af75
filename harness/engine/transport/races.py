"""A kept-alive connection that the peer closed just as the next request went out: the target's fault, or nobody's?

Any client that keeps connections alive meets this race, and every HTTP library sends such a request again. But a target
that reads requests and drops them must not be forgiven, so the kernel is asked what happened:

- an orderly end, and the request never acknowledged: the connection was closed before the request came. A race.
- an orderly end, and the request acknowledged: the program had read it and gave no answer. No race.
- a reset: the connection was closed with the request unread, or aborted by the program; nothing on this side tells the
  two apart. A race only where the connection had sat idle long enough for an idle timer to be the cause.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from harness.engine.exchange import Exchange

IDLE_S = 1.0
"""No server closes connections that were idle for less."""
_BYTES_ACKED_AT = 120
"""Offset of `tcpi_bytes_acked` in Linux's `struct tcp_info` (linux/tcp.h)."""


def is_reuse_race(sock: Any, exchange: Exchange, sent_bytes: int, idle_since_ns: int, *, reset: bool) -> bool:
    """`sock` ended before the answer to `exchange` did. `idle_since_ns` is when it was parked; 0 if it never was.

    A request is forgiven once (`attempts`), and only while no byte of its answer has come.
    """
    if not idle_since_ns or exchange.bytes_in or exchange.attempts > 1:
        return False
    if reset:
        return exchange.sent_ns - idle_since_ns >= IDLE_S * 1e9
    acked = acked_bytes(sock)
    return acked is not None and acked < sent_bytes


def acked_bytes(sock: Any) -> int | None:
    """Bytes that the peer's kernel has acknowledged so far; None where this kernel does not say."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    except OSError:
        return None
    if len(info) < _BYTES_ACKED_AT + 8:
        return None
    return int(struct.unpack_from("=Q", info, _BYTES_ACKED_AT)[0])
