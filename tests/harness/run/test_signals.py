from __future__ import annotations

import os
import signal

from harness.run.signals import stopping


def test_the_first_signal_asks_and_the_second_insists() -> None:
    said: list[str] = []
    with stopping(first=said.append, second=lambda: said.append("now")) as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
    assert said == ["stopped by SIGINT", "now"]


def test_the_handlers_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stopping():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
