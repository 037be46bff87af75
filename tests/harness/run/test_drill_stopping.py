import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.errors import RefusedError, UsageError
from harness.run import running_drills
from harness.run.drill_stopping import NOTE, STOP_FILE, KillSwitch


class Halted:
    def __init__(self) -> None:
        self.why = ""
        self.seen = threading.Event()

    def __call__(self, why: str) -> None:
        self.why = why
        self.seen.set()


@pytest.fixture
def halted() -> Halted:
    return Halted()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "7f3k").mkdir()
    return tmp_path / "7f3k"


@pytest.fixture
def switch(folder: Path, halted: Halted) -> Iterator[KillSwitch]:
    with KillSwitch(folder, halted, lambda: {"title": "t", "stopping": halted.why}) as running:
        yield running


def test_the_stop_file(switch: KillSwitch, folder: Path, halted: Halted) -> None:
    (folder.parent / STOP_FILE).touch()
    assert halted.seen.wait(5) and STOP_FILE in halted.why


def test_the_door(switch: KillSwitch, folder: Path, halted: Halted) -> None:
    (found,) = running_drills(folder.parent)
    assert found.run_id == "7f3k" and found.ask()["title"] == "t" and not halted.why
    assert found.stop()["stopping"] == halted.why == "stopped by its kill switch"


def test_the_note_is_for_its_owner_alone_and_goes_with_the_drill(folder: Path, halted: Halted) -> None:
    with KillSwitch(folder, halted, dict, token="known before") as switch:
        note = folder / NOTE
        assert stat.S_IMODE(note.stat().st_mode) == 0o600
        assert json.loads(note.read_text())["token"] == "known before"
        (found,) = running_drills(folder.parent)
    assert not note.exists() and running_drills(folder.parent) == ()
    with pytest.raises(RefusedError, match="does not answer"):
        found.ask()
    assert switch.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer \xe4"}, 401),
        ({"authorization": "Bearer right", "origin": "http://evil.test"}, 403),
        ({"authorization": "Bearer right", "host": "evil.test:80"}, 403),
        ({"authorization": "Bearer right", "host": "localhost:80"}, 202),
    ],
)
def test_who_may_enter(folder: Path, halted: Halted, headers: dict[str, str], status: int) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    with KillSwitch(folder, halted, dict, token="right") as switch, httpx.Client(trust_env=False) as client:
        assert client.post(f"{switch.url}/stop", headers=raw).status_code == status
    assert bool(halted.why) is (status == 202)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/stop"), ("POST", "/"), ("GET", "/etc/passwd"), ("PUT", "/stop")]
)
def test_there_is_nothing_else(folder: Path, halted: Halted, method: str, path: str) -> None:
    right = {"authorization": "Bearer right"}
    with KillSwitch(folder, halted, dict, token="right") as switch, httpx.Client(trust_env=False) as client:
        assert client.request(method, switch.url + path, headers=right).status_code in (404, 501)
    assert not halted.why


def test_a_port_that_is_taken(switch: KillSwitch, folder: Path, halted: Halted) -> None:
    with pytest.raises(RefusedError, match="cannot take port"):
        KillSwitch(folder, halted, dict, port=int(switch.url.rpartition(":")[2]))


def test_a_name_that_is_none_and_a_note_that_is_broken(folder: Path) -> None:
    (folder / NOTE).write_text("{")
    assert running_drills(folder.parent) == ()
    with pytest.raises(UsageError, match="no drill 'abcd' is running"):
        running_drills(folder.parent, "abcd")
