"""The pipe that ties a process to the one that started it: lines come in as commands, its end means the other is gone.

It holds whatever happens to the other end: the kernel closes the pipe of a killed process too. A plain thread reads it,
so a busy loop in somebody's locustfile cannot keep an orphan alive: some seconds after the end the thread kills the
process.
"""

from __future__ import annotations

import os
import signal
from _thread import start_new_thread
from collections import deque
from collections.abc import Callable
from time import sleep
from typing import Any

# The three names above are bound before Locust patches their modules: this thread must be a real one.

GRACE_S = 8.0
"""How long a process may outlive the one that started it."""


class Lifeline:
    """Reads lines from descriptor `fd` from now on; `attach` says where they go."""

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._lines: deque[str | None] = deque()
        self._async: Any = None
        self._heard: Callable[[str | None], None] | None = None
        start_new_thread(self._read, ())

    def attach(self, loop: Any, heard: Callable[[str | None], None]) -> None:
        """`heard(line)` is called on the loop for every line so far and to come, `heard(None)` at the end."""
        self._heard = heard
        self._async = loop.async_()
        self._async.start(self._deliver)
        self._async.send()

    def _deliver(self) -> None:
        while self._lines and self._heard is not None:
            self._heard(self._lines.popleft())

    def _put(self, line: str | None) -> None:
        self._lines.append(line)
        if self._async is not None:
            self._async.send()

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                data = os.read(self._fd, 65_536)
            except OSError:
                data = b""
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._put(line.decode(errors="replace"))
        self._put(None)
        sleep(GRACE_S)
        os.kill(os.getpid(), signal.SIGKILL)
