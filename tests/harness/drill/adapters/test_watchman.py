import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from harness.drill.adapters import OutsideFault, Watchman
from harness.drill.adapters.watchman import roll_back, watch


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


def breaking(path: Path, **changes: Any) -> OutsideFault:
    def program(name: str, *arguments: str) -> dict[str, Any]:
        provider = {"type": "process", "path": arguments[0], "arguments": [*arguments[1:], str(path)], "timeout": 2}
        return {"name": name, "provider": provider}

    words = {
        "action": program("make it", "touch"),
        "rollback": program("remove it", "rm", "-f"),
        "gone": program("it is gone", "test", "!", "-e"),
    }
    return OutsideFault.model_validate({**words, **changes})


def watchman_of(fault: OutsideFault, folder: Path) -> Watchman:
    return Watchman(fault, ttl_s=30, total_s=60, allow_hosts=(), log=folder / "log")


@pytest.mark.e2e
def test_a_block_that_ends_without_a_dismissal_is_rolled_back(tmp_path: Path) -> None:
    fault = tmp_path / "fault"
    fault.touch()
    with watchman_of(breaking(fault), tmp_path) as watchman:
        assert watchman.arm()
        watchman.acted()
    assert not fault.exists()
    assert '"rolled_back": true' in (tmp_path / "log").read_text()


@pytest.mark.e2e
@pytest.mark.parametrize("armed", [True, False])
def test_a_dismissed_watchman_does_nothing_nor_one_that_was_never_armed(tmp_path: Path, armed: bool) -> None:
    fault = tmp_path / "fault"
    fault.touch()
    with watchman_of(breaking(fault), tmp_path) as watchman:
        if armed:
            watchman.arm()
            watchman.dismiss()
    assert fault.exists()


@pytest.mark.e2e
def test_kill_9_of_the_runner_leaves_no_fault(tmp_path: Path) -> None:
    """Not even where the action was under way, and has its effect after the rollback."""
    fault, up = tmp_path / "fault", tmp_path / "up"
    fault.touch()
    words = breaking(fault).model_dump_json(by_alias=True, include={"action", "rollback", "gone"})
    runner = f"""
import pathlib, time
from harness.drill import OutsideFault, Watchman
fault = OutsideFault.model_validate_json({words!r})
with Watchman(fault, ttl_s=30, total_s=60, allow_hosts=(), log=pathlib.Path({str(tmp_path / "log")!r})) as watchman:
    watchman.arm()
    pathlib.Path({str(up)!r}).touch()
    time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", runner])
    _until(up.exists)
    child.send_signal(signal.SIGKILL)
    child.wait()
    _until(lambda: not fault.exists())
    fault.touch()
    _until((tmp_path / "log").read_text)
    assert not fault.exists() and '"reason": "runner gone"' in (tmp_path / "log").read_text()


def test_a_rollback_that_helps_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = tmp_path / "fault"
    fault.touch()
    monkeypatch.setattr("harness.drill.adapters.watchman._GONE_WITHIN_S", 0.0)
    monkeypatch.setattr("harness.drill.adapters.watchman.TRIES", 1)
    plain = breaking(fault, rollback={"name": "nothing", "provider": {"type": "process", "path": "true"}})
    order = {name: getattr(plain, name).model_dump(by_alias=True) for name in ("rollback", "gone")}
    assert "does not see it gone" in roll_back({**order, "allow_hosts": []}, settle_s=0.0)


def _until(condition: object, within_s: float = 90.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
