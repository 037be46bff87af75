"""When bytes really came: the kernel's own receive stamps, a second witness to the time that the loop read them.

A loop that is late reads late, and would blame the target for it. Linux stamps every packet on request (SO_TIMESTAMPNS,
socket(7)); of several packets in one read it gives the last one's stamp, so a stamp is never too early. The
kernel begins to stamp a moment after the first socket has asked it to; a packet that came before reads as if it came
when it was read.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("=qq")
_ANCILLARY_BYTES = 64
_BELIEVED_NS = 60 * 10**9
"""A stamp that is older than this, or in the future, speaks of a clock that was set, not of a late read."""


def ask_for_stamps(sock: Any) -> bool:
    """False where this kernel does not give them."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def receive_stamped(sock: Any, count: int, clock_ns: Callable[[], int]) -> tuple[bytes, int, int]:
    """`(data, arrived_ns, lag_ns)`: up to `count` bytes, when they came by `clock_ns`, and how long they lay unread.

    Raises OSError as `recv` does."""
    data, ancillary, _, _ = sock.recvmsg(count, _ANCILLARY_BYTES)
    now_ns = clock_ns()
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            lag_ns = time.time_ns() - (seconds * 10**9 + nanoseconds)
            if 0 <= lag_ns < _BELIEVED_NS:
                return data, now_ns - lag_ns, lag_ns
    return data, now_ns, 0
