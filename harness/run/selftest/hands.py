"""What fate does to a run under way: processes stopped and killed, strangers at the master's door."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil

from harness.run.selftest.lie import Acting, wait_for

_GREETING = b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL" + b"\x00" * 48
_META = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x05ghost"
_READY = b"\x04" + bytes([len(_META)]) + _META


def stand_still(seconds: float) -> Callable[[Acting], None]:
    """SIGSTOP to one worker, SIGCONT after so long."""

    def act(run: Acting) -> None:
        run.wait_fired(60)
        worker = run.processes("worker")[0]
        worker.suspend()
        time.sleep(seconds)
        worker.resume()

    return act


def kill_workers(count: int) -> Callable[[Acting], None]:
    """kill -9 to so many workers."""

    def act(run: Acting) -> None:
        run.wait_fired(60)
        for worker in run.processes("worker")[:count]:
            worker.send_signal(signal.SIGKILL)

    return act


def kill_master(run: Acting) -> None:
    run.wait_fired(60)
    run.processes("master")[0].send_signal(signal.SIGKILL)


def _door(run: Acting) -> tuple[str, int]:
    """Where the master listens."""
    master = run.processes("master")[0]
    listening = [c for c in master.net_connections(kind="tcp") if c.status == psutil.CONN_LISTEN]
    return str(listening[0].laddr.ip), int(listening[0].laddr.port)


def _pretend(door: tuple[str, int], *frames: bytes) -> None:
    """A ZeroMQ client of its own, down to the bytes (ZMTP 3.0, NULL mechanism), that sends `frames` one by one."""
    with closing(socket.create_connection(door, timeout=3)) as peer:
        peer.sendall(_GREETING)
        _read(peer, 64)
        peer.sendall(_READY)
        _read(peer, 3)
        for frame in frames:
            peer.sendall(b"\x02" + len(frame).to_bytes(8, "big") + frame)
        time.sleep(0.3)


def _read(peer: socket.socket, count: int) -> None:
    while count > 0 and (got := peer.recv(count)):
        count -= len(got)


def ghost(run: Acting) -> None:
    """A worker that nobody started says that it is ready, and then that a million requests went well."""
    run.wait_fired(60)
    # msgpack by hand: ["client_ready", "2.47.0", "ghost"], and a "stats" message in the same name
    ready = b"\x93\xacclient_ready\xa62.47.0\xa5ghost"
    stats = b"\x93\xa5stats\x81\xabuser_countx\xa5ghost"
    _pretend(_door(run), ready, stats)


def malformed(run: Acting) -> None:
    """Twelve kinds of frames that are none, at the master's door."""
    run.wait_fired(60)
    door = _door(run)
    junk = (
        b"",
        b"\x00",
        b"\xff" * 24,
        b"\x93\xa5stats",
        b"\xc1",
        b"\x81\xa4type\xa5stats",
        os.urandom(200),
        b"\x93" * 2000,
        b"{}",
        b"x" * 100_000,
        b"\x00" * 16 + b"\x01" + b"\x00" * 7 + b"\x93\xa5stats\xc0\xa5ghost",
        "ünïcode".encode("utf-16"),
    )
    for frame in junk:
        _pretend(door, frame)
    for raw in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\xff"):
        with closing(socket.create_connection(door, timeout=3)) as peer:
            peer.sendall(raw)


def flip_a_byte(run: Path) -> None:
    """One bit in the middle of the result rows."""
    spool = next(run.glob("engine/*.spool"))
    data = bytearray(spool.read_bytes())
    data[len(data) // 2] ^= 0x10
    spool.write_bytes(data)


def cut(share: float) -> Callable[[Path], None]:
    """The result file ends after this share of its bytes."""

    def act(run: Path) -> None:
        spool = next(run.glob("engine/*.spool"))
        data = spool.read_bytes()
        spool.write_bytes(data[: int(len(data) * share)])

    return act


def drop_a_file(run: Path) -> None:
    next(run.glob("engine/*.spool")).unlink()


def spare_a_plan(run: Path) -> None:
    """The planned arrivals lose a few: what was not planned was not lost, somebody may hope."""
    import numpy as np

    path = run / "arrivals.npy"
    arrivals = np.load(path, allow_pickle=False)
    np.save(path, arrivals[:-10], allow_pickle=False)


def await_end(pid: int) -> None:
    wait_for(lambda: True if not psutil.pid_exists(pid) else None)
