"""Where the target is: its URL taken apart, its name resolved once, its addresses taken in turn."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from gevent import monkey

from harness.guard.targets import Allowlist, split_target

SHUN_S = 5.0
"""How long an address that could not be reached is left out while others can."""


@dataclass(frozen=True, slots=True)
class Address:
    family: int
    sockaddr: tuple[Any, ...]

    @property
    def host(self) -> str:
        return str(self.sockaddr[0])


@dataclass(frozen=True, slots=True)
class Target:
    tls: bool
    host: str
    port: int
    base: bytes = b""
    """The URL's own path, without a final slash."""

    @classmethod
    def parse(cls, url: str) -> Target:
        """Raises UsageError for anything but an http(s) URL."""
        scheme, host, port = split_target(url)
        return cls(
            scheme == "https", host, port, quote(urlsplit(url).path.rstrip("/"), safe="/%:@!$&'()*+,;=~").encode()
        )

    @property
    def authority(self) -> str:
        """What the Host header says (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host.encode("idna").decode()
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


Resolve = Callable[[str, int], list[Address]]


def resolve(host: str, port: int) -> list[Address]:
    """Every address of `host`, by the system's own blocking resolver, patched or not. Raises OSError."""
    look_up = monkey.get_original("socket", "getaddrinfo")
    found = look_up(host, port, type=socket.SOCK_STREAM)
    unique = dict.fromkeys((int(family), tuple(sockaddr)) for family, _, _, _, sockaddr in found)
    return [Address(family, sockaddr) for family, sockaddr in unique]


class Rotation:
    """The target's addresses in turn. One that cannot be reached is left out for a while, unless none is left."""

    def __init__(self, addresses: list[Address], host: str, allowlist: Allowlist) -> None:
        self.addresses = [a for a in addresses if allowlist.permits(host, a.host)]
        self.forbidden = not self.addresses and bool(addresses)
        self._shunned_until_ns = [0] * len(self.addresses)
        self._turn = -1
        self.sent = [0] * len(self.addresses)
        """Requests, or another client's connections, by address."""
        self._usable: set[int] = set()

    def __len__(self) -> int:
        return len(self.addresses)

    def next(self, now_ns: int) -> int:
        """The index of the address whose turn it is. There must be one."""
        count = len(self.addresses)
        if count == 1:
            return 0
        for _ in range(count):
            self._turn = (self._turn + 1) % count
            if self._shunned_until_ns[self._turn] <= now_ns:
                break
        return self._turn

    def reached(self, index: int) -> None:
        """A connection to this address came up."""
        self._usable.add(index)

    def met(self, sockaddr: Sequence[Any]) -> bool:
        """A client that is not ours connected to `sockaddr`; False where that is not the target. It could have taken
        any address of that family: what it never tried counts as usable."""
        for index, address in enumerate(self.addresses):
            if tuple(sockaddr[:2]) == address.sockaddr[:2]:
                self.sent[index] += 1
                self._usable |= {k for k, other in enumerate(self.addresses) if other.family == address.family}
                return True
        return False

    @property
    def spread(self) -> tuple[int, float]:
        """How many addresses could be used, and which share the busiest of them got; 0 before the first request."""
        total = sum(self.sent)
        return len(self._usable), max(self.sent) / total if total else 0.0

    def shun(self, index: int, now_ns: int) -> None:
        self._shunned_until_ns[index] = now_ns + round(SHUN_S * 1e9)
