"""What the kernel says about a request that got no answer."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from harness.engine.exchange import Exchange, Request
from harness.engine.transport.races import acked_bytes, is_reuse_race

IDLE_NS = 5_000_000_000


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's and a server's end of one loopback connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        client.settimeout(5)
        yield client, server
        server.close()


def exchange(after_ns: int = 1000, attempts: int = 1) -> Exchange:
    e = Exchange(Request(b"POST", b"/"))
    e.sent_ns, e.attempts = 1 + after_ns, attempts
    return e


def test_acknowledged_bytes_are_counted_exactly(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    client.sendall(b"x" * 1000)
    server.recv(5000)
    server.sendall(b"y")
    client.recv(1)
    acked = acked_bytes(client)
    assert acked in (1000, 1001), "some kernels count the SYN"


def test_closed_before_the_request_came_is_a_race(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    server.close()
    client.sendall(b"x" * 1000)
    assert client.recv(10) == b""
    assert is_reuse_race(client, exchange(), 1000, 1, reset=False)
    assert not is_reuse_race(client, exchange(), 1000, 0, reset=False), "the first request of a connection has no race"
    assert not is_reuse_race(client, exchange(attempts=2), 1000, 1, reset=False), "forgiven once"
    answered = exchange()
    answered.bytes_in = 1
    assert not is_reuse_race(client, answered, 1000, 1, reset=False)


def test_read_and_dropped_is_no_race(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    client.sendall(b"x" * 1000)
    server.recv(5000)
    server.close()
    assert client.recv(10) == b""
    assert not is_reuse_race(client, exchange(IDLE_NS), 1000, 1, reset=False)


def test_a_reset_is_a_race_only_after_a_long_idle_spell(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    client.sendall(b"x" * 1000)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.close()
    with pytest.raises(ConnectionResetError):
        client.recv(10)
    assert not is_reuse_race(client, exchange(), 1000, 1, reset=True)
    assert is_reuse_race(client, exchange(IDLE_NS), 1000, 1, reset=True)
