from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from harness.engine.fence import FencedOffError, fence_in, permitted_addresses


@pytest.fixture
def fenced() -> Iterator[type[Any]]:
    class Socket(socket.socket):
        pass

    fence_in(Socket, ["192.0.2.7"])
    yield Socket


@pytest.mark.parametrize("address", ["192.0.2.8", "8.8.8.8", "169.254.169.254", "0.0.0.0"])
def test_everywhere_else_is_fenced_off(fenced: type[Any], address: str) -> None:
    with fenced(socket.AF_INET, socket.SOCK_STREAM) as sock:
        with pytest.raises(FencedOffError, match=address):
            sock.connect((address, 80))
        assert sock.connect_ex((address, 80)) == errno.EACCES


def test_loopback_is_inside_by_name_too(fenced: type[Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, fenced(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.connect(("localhost", server.getsockname()[1]))


def test_what_is_connected_is_told_and_what_is_not_is_not() -> None:
    met: list[Any] = []

    class Socket(socket.socket):
        pass

    fence_in(Socket, [], lambda _sock, address: met.append(address))
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
        with Socket() as sock, Socket() as other, Socket() as unconnected, Socket(type=socket.SOCK_DGRAM) as datagrams:
            sock.connect(place)
            assert other.connect_ex(place) == 0
            datagrams.connect(place)
            with pytest.raises(FencedOffError):
                unconnected.connect(("192.0.2.9", 80))
    with Socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.connect(place)
    assert met == [place, place]


def test_a_listed_host_is_inside(fenced: type[Any]) -> None:
    with fenced(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        assert sock.connect_ex(("192.0.2.7", 80)) in (errno.EINPROGRESS, errno.ENETUNREACH, errno.EHOSTUNREACH)


def test_a_name_that_does_not_resolve_permits_nothing() -> None:
    assert permitted_addresses(["no-such-host.invalid"]) == frozenset()
