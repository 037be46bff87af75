"""One timer that is exact: the kernel's timerfd, where there is one (Linux).

The loop's own timers count whole milliseconds, and rounding one up costs half a one on average: as much as a token may
be late. A timerfd wakes the loop at the very moment. Elsewhere the loop's timer does.
"""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import sys
import weakref
from collections.abc import Callable

from mock_services.loop import call_at

_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
_ABSOLUTE = 1


class _Itimerspec(ctypes.Structure):
    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class Alarm:
    """Calls `ring` at the moment it was last set to (seconds of `clock`); infinity is never."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._rings = False
        self._fd = _timerfd()
        if self._fd is not None:
            self._set = ctypes.CDLL(None, use_errno=True).timerfd_settime
            self._spec = _Itimerspec()
            self._at = ctypes.byref(self._spec)
            weakref.finalize(self, _close, loop, self._fd)
            loop.add_reader(self._fd, _rung, weakref.ref(self))

    def set(self, at_s: float) -> None:
        if self._fd is None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None if at_s == math.inf else call_at(self._loop, at_s, self._ring)
            return
        # A moment of 0 would disarm it, and so does infinity; either way what has rung already is forgotten.
        ns = 0 if at_s == math.inf else max(1, round(at_s * 1e9))
        self._rings = False
        self._spec.value_s, self._spec.value_ns = divmod(ns, 1_000_000_000)
        self._set(self._fd, _ABSOLUTE, self._at, None)


def _rung(alarm: weakref.ref[Alarm]) -> None:
    found = alarm()
    if found is None:
        return
    found._rings = True
    try:
        found._ring()
    finally:
        if found._rings:  # it was not set anew, which would have silenced it
            found.set(math.inf)


def _timerfd() -> int | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        fd: int = ctypes.CDLL(None, use_errno=True).timerfd_create(_MONOTONIC, _NONBLOCK_CLOEXEC)
    except AttributeError:
        return None
    return fd if fd >= 0 else None


def _close(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    if not loop.is_closed():
        loop.remove_reader(fd)
    os.close(fd)
