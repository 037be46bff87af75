import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.drill.adapters import Action, Watchman
from harness.drill.adapters.watchman import watch


@pytest.fixture
def pipe() -> tuple[int, int]:
    return os.pipe()


def test_done_needs_no_rollback(pipe: tuple[int, int]) -> None:
    source, end = pipe
    os.write(end, b"renew\ndone\n")
    assert watch(source, ttl_s=30, total_s=30) == ""


def test_a_runner_that_is_gone_is_noticed_at_once(pipe: tuple[int, int]) -> None:
    source, end = pipe
    os.close(end)
    assert watch(source, ttl_s=30, total_s=30) == "runner gone"


def test_a_runner_that_falls_silent_is_too(pipe: tuple[int, int]) -> None:
    source, _ = pipe
    assert watch(source, ttl_s=0.05, total_s=30) == "not renewed"


def test_no_renewal_outlasts_the_total_time(pipe: tuple[int, int]) -> None:
    source, end = pipe
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(0.02):
            os.write(end, b"renew\n")

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        assert watch(source, ttl_s=10, total_s=0.2) == "total time over"
    finally:
        stop.set()
        thread.join()


def removing(path: Path) -> Action:
    code = f"import pathlib; pathlib.Path({str(path)!r}).unlink()"
    return Action.model_validate(
        {"name": "remove", "provider": {"type": "process", "path": sys.executable, "arguments": ["-c", code]}}
    )


@pytest.mark.e2e
def test_a_block_that_ends_without_a_dismissal_is_rolled_back(tmp_path: Path) -> None:
    fault = tmp_path / "fault"
    fault.touch()
    with Watchman(removing(fault), ttl_s=30, total_s=60, allow_hosts=(), log=tmp_path / "log") as watchman:
        assert watchman.renew()
    assert not fault.exists()
    assert '"rolled_back": true' in (tmp_path / "log").read_text()


@pytest.mark.e2e
def test_a_dismissed_watchman_does_nothing(tmp_path: Path) -> None:
    fault = tmp_path / "fault"
    fault.touch()
    with Watchman(removing(fault), ttl_s=30, total_s=60, allow_hosts=(), log=tmp_path / "log") as watchman:
        watchman.dismiss()
    assert fault.exists()


@pytest.mark.e2e
def test_kill_9_of_the_runner_leaves_no_fault(tmp_path: Path) -> None:
    fault, up = tmp_path / "fault", tmp_path / "up"
    fault.touch()
    rollback = removing(fault).model_dump_json(by_alias=True)
    runner = f"""
import pathlib, time
from harness.drill.adapters import Action, Watchman
rollback = Action.model_validate_json({rollback!r})
with Watchman(rollback, ttl_s=30, total_s=60, allow_hosts=(), log=pathlib.Path({str(tmp_path / "log")!r})):
    pathlib.Path({str(up)!r}).touch()
    time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", runner])
    _until(up.exists)
    child.send_signal(signal.SIGKILL)
    child.wait()
    _until(lambda: not fault.exists())


def _until(condition: object, within_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
