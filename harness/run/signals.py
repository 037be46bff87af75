"""Ctrl-C once: stop in order. Twice: stop now. The same for SIGTERM, which a pipeline sends."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def stopping(
    first: Callable[[str], None] | None = None, second: Callable[[], None] | None = None
) -> Iterator[threading.Event]:
    """Inside, the first SIGINT or SIGTERM calls `first` with the reason and sets the event; a further one calls
    `second`. The handlers before are put back at the end. Main thread only, as all signal handling is."""
    seen = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if seen.is_set():
            if second is not None:
                second()
            return
        seen.set()
        if first is not None:
            first(f"stopped by {signal.Signals(number).name}")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
