"""Opening many connections before the load begins, some at a time: a listen backlog is finite. No I/O of its own."""

from __future__ import annotations

from collections.abc import Callable

AT_ONCE = 128


class Warmup:
    """Counts `count` dials to their end, `AT_ONCE` under way, then says once how many connections came up.

    `dial() -> bool` starts one, and is False where it cannot be started at all: then no further one is tried.
    """

    def __init__(self, count: int, dial: Callable[[], bool], ready: Callable[[int], None]) -> None:
        self._left = max(0, count)
        self._dial = dial
        self._ready = ready
        self._under_way = 0
        self._opened = 0
        self._is_over = False

    def start(self) -> None:
        while self._left and self._under_way < AT_ONCE:
            self._left -= 1
            if not self._dial():
                self._left = 0
                break
            self._under_way += 1
        self._check()

    def went(self, up: bool) -> None:
        """One dial ended."""
        self._under_way -= 1
        self._opened += up
        self.start()

    def abandon(self) -> None:
        """The transport closes: what is open now is the answer."""
        self._left = self._under_way = 0
        self._check()

    def _check(self) -> None:
        if not self._left and not self._under_way and not self._is_over:
            self._is_over = True
            self._ready(self._opened)
