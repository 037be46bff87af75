"""A fence for code that is not ours: somebody's locustfile may connect to loopback and to the hosts of the job, only.

The engine's own transport checks each address as it connects. A locustfile brings clients of its own, so here the check
sits where all of them pass: the `connect` of gevent's sockets, which Locust has put in the place of Python's.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from typing import Any

from harness.guard.targets import Allowlist


class FencedOffError(OSError):
    """A connection that the job does not allow. An `OSError`, so that HTTP clients report it as a failed request."""

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, f"{address} is not loopback and not in the job's allow_hosts")


def permitted_addresses(hosts: Iterable[str]) -> frozenset[str]:
    """What the job's hosts resolve to now. A name that does not resolve permits nothing."""
    found: set[str] = set()
    for host in hosts:
        try:
            found |= {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except OSError:
            continue
    return frozenset(found)


def fence_in(socket_class: Any, allow_hosts: Iterable[str], met: Callable[[Any, Any], None] | None = None) -> None:
    """Makes every later connection of `socket_class` ask first. Unix sockets are this machine's own. `met(socket,
    address)` hears of each that is connected, or on its way."""
    allowlist = Allowlist(permitted_addresses(allow_hosts), owned=True)
    connect, connect_ex = socket_class.connect, socket_class.connect_ex

    def check(sock: Any, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not allowlist.permits(str(address[0]), str(address[0])):
            raise FencedOffError(str(address[0]))

    def checked_connect(sock: Any, address: Any) -> None:
        address = _resolved(sock, address)  # once: what was judged is what is connected to
        check(sock, address)
        connect(sock, address)
        tell(sock, address)

    def checked_connect_ex(sock: Any, address: Any) -> Any:
        address = _resolved(sock, address)
        try:
            check(sock, address)
        except FencedOffError as error:
            return error.errno
        code = connect_ex(sock, address)
        if code in (0, errno.EINPROGRESS):
            tell(sock, address)
        return code

    def tell(sock: Any, address: Any) -> None:
        if met is not None and sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
            met(sock, address)

    socket_class.connect, socket_class.connect_ex = checked_connect, checked_connect_ex


def _resolved(sock: Any, address: Any) -> Any:
    """`connect` takes names too; it is the address that is judged."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return address
    return socket.getaddrinfo(address[0], address[1], family=sock.family, type=socket.SOCK_STREAM)[0][4]
