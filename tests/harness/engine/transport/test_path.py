"""What the kernel counts for a connection, summed up over many, the closed ones included."""

from __future__ import annotations

import gc
import socket
import struct
from typing import Any

import pytest

from harness.engine.transport.path import PathCounts, PathWatch, read_path


class Socket:
    """One whose kernel says what the test says."""

    def __init__(self) -> None:
        self.counts = PathCounts()
        self.rtt_us = 0
        self.is_open = True

    def getsockopt(self, _level: int, _name: int, size: int) -> bytes:
        if not self.is_open:
            raise OSError(9, "closed")
        info = bytearray(size)
        for offset, value in ((68, self.rtt_us), (100, self.counts.resent), (156, self.counts.sent)):
            struct.pack_into("=I", info, offset, value)
        struct.pack_into("=I", info, 152, self.counts.received)
        struct.pack_into("=I", info, 224, self.counts.unordered)
        return bytes(info)


def test_a_real_connection_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        peer, _ = server.accept()
        with peer:
            for _ in range(3):
                sock.sendall(b"there")
                peer.recv(10)
                peer.sendall(b"and back")
                sock.recv(10)
        counts, rtt_s = read_path(sock) or pytest.fail("Linux says it")
    assert counts == PathCounts(sent=3, resent=0, received=3, unordered=0)
    assert 0 < rtt_s < 1


def test_no_socket_of_tcp_is_not_counted() -> None:
    a, b = socket.socketpair()
    with a, b:
        assert read_path(a) is None
    assert read_path(object()) is None


def test_open_and_closed_ones_are_summed_and_nothing_twice() -> None:
    watch, first, second = PathWatch(), Socket(), Socket()
    watch.opened(first)
    watch.opened(second)
    first.counts, first.rtt_us = PathCounts(10, 1, 20, 2), 4000
    second.counts, second.rtt_us = PathCounts(5, 0, 5, 0), 2000
    assert watch.sample() == pytest.approx(0.003)
    assert watch.total == PathCounts(15, 1, 25, 2)
    watch.sample()
    assert watch.total == PathCounts(15, 1, 25, 2)
    first.counts = PathCounts(12, 3, 20, 2)
    watch.closing(first)
    watch.closing(first)
    assert watch.total == PathCounts(17, 3, 25, 2)


def test_a_handshake_that_was_sent_again_is_not_the_paths() -> None:
    watch, sock = PathWatch(), Socket()
    sock.counts = PathCounts(resent=2)
    watch.opened(sock)
    sock.counts = PathCounts(4, 3, 4, 0)
    watch.closing(sock)
    assert watch.total.resent == 1


def test_many_take_turns() -> None:
    watch: Any = PathWatch()
    sockets = [Socket() for _ in range(100)]
    for sock in sockets:
        watch.opened(sock)
        sock.counts = PathCounts(sent=1)
    for count in (32, 64, 96, 100, 100):
        watch.sample()
        assert watch.total.sent == count


def test_what_others_closed_or_dropped_is_forgotten() -> None:
    watch, closed, dropped = PathWatch(), Socket(), Socket()
    watch.opened(closed)
    watch.opened(dropped)
    closed.is_open = False
    del dropped
    gc.collect()
    assert watch.sample() == 0.0
    assert not watch._last
