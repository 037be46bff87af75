"""An alarm at an absolute moment on the event loop: a timerfd at top priority; what is due goes before what came in.

The loop's own timers round to its cached time (libev: up to a millisecond); a timerfd rings by the kernel's
high-resolution clock. Python has `os.timerfd_create` from 3.13; before that ctypes calls the same two functions.
Elsewhere than on Linux the loop's timer serves, less exactly.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_TFD_NONBLOCK_CLOEXEC = 0o2000000 | 0o4000
_TFD_TIMER_ABSTIME = 1
_READ = 1


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("it_interval", _Timespec), ("it_value", _Timespec))


class Alarm:
    """Calls `ring()` in the loop's own context (it must not block) once for each `set`, at that moment or just after.
    Early only where it is set anew after it has rung and before the loop has heard it.

    `urgent` puts it before all sockets that are ready too.
    """

    def __init__(self, loop: Any, ring: Callable[[], None], *, urgent: bool = True) -> None:
        self._ring = ring
        self._fd = -1
        self._is_set = False
        if sys.platform == "linux":
            # PyDLL: the two calls take less than letting go of the interpreter lock and taking it back would.
            self._libc = ctypes.PyDLL(None, use_errno=True)
            self._fd = self._libc.timerfd_create(time.CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
            if self._fd < 0:
                raise OSError(ctypes.get_errno(), "timerfd_create")
            self._spec = _Itimerspec()
            self._pointer = ctypes.byref(self._spec)
            self._watcher = loop.io(self._fd, _READ)
            self._watcher.priority = loop.MAXPRI if urgent else 0
            self._watcher.start(self._on_readable)
        else:
            self._watcher = loop.timer(0.0)
            self._watcher.priority = loop.MAXPRI if urgent else 0

    def set(self, moment_ns: int) -> None:
        """Rings at `moment_ns` of CLOCK_MONOTONIC, at once if that is past; replaces what was set before."""
        if self._fd < 0:
            self._watcher.stop()
            self._watcher.start_after = max(0.0, (moment_ns - time.monotonic_ns()) / 1e9)
            self._watcher.start(self._ring)
            return
        value = self._spec.it_value
        value.tv_sec, value.tv_nsec = divmod(moment_ns if moment_ns > 0 else 1, 1_000_000_000)  # 0 would disarm it
        self._is_set = True
        if self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, self._pointer, None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def again(self, moment_ns: int) -> None:
        """From inside `ring`, in place of `set`: rings anew as soon as the loop has looked at its sockets. It saves the
        system call that arms a timer which would ring at once. `moment_ns` is for systems that cannot."""
        if self._fd < 0:
            self.set(moment_ns)
        else:
            self._is_set = True  # it stays readable

    def close(self) -> None:
        """Never rings again. Safe to call twice."""
        self._watcher.stop()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _on_readable(self) -> None:
        self._is_set = False
        self._ring()
        if not self._is_set and self._fd >= 0:  # to set it anew is what else makes it unreadable
            with suppress(BlockingIOError):
                os.read(self._fd, 8)
