"""Where load may go: loopback always, anything else only when the plan lists the host and the caller owns it.

The address that a name resolves to decides, at connect time: a name that looks local and resolves elsewhere is refused.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from harness.errors import Problem, RefusedError, UsageError

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Allowlist:
    """The hosts that a run may connect to.

    `hosts` are names or literal addresses as the plan lists them (no port, no pattern); `owned` is the caller's own
    word that the targets are theirs (`--i-own-this-target`). Without it the list is worth nothing.
    """

    def __init__(self, hosts: Iterable[str], owned: bool) -> None:
        self._hosts = frozenset(normal_host(host) for host in hosts)
        self._owned = owned

    def lists(self, host: str) -> bool:
        return normal_host(host) in self._hosts

    def permits(self, host: str, address: str) -> bool:
        """May `address`, which `host` resolved to, be connected to? A malformed address is never permitted."""
        found = _parse_address(address)
        if found is None or found.is_multicast or found.is_unspecified:
            return False
        if found.is_loopback:
            return True
        if not self._owned:
            return False
        if found.is_link_local:  # 169.254.169.254 and its kind: only for one who writes the address itself
            return str(found) in self._hosts
        return self.lists(host) or str(found) in self._hosts


def check_target(
    url: str,
    allow_hosts: Iterable[str],
    owned: bool,
    resolve: Callable[[str, int], tuple[str, ...]] | None = None,
) -> tuple[str, ...]:
    """The addresses behind `url`, every one of them permitted.

    Raises UsageError where `url` is no http(s) URL, RefusedError where the name does not resolve or an address is not
    permitted. `resolve` is `(host, port) -> addresses`; the system's resolver when absent.
    """
    _scheme, host, port = split_target(url)
    allowlist = Allowlist(allow_hosts, owned)
    try:
        addresses = (resolve or resolve_addresses)(host, port)
    except OSError as error:
        raise RefusedError(
            Problem(f"target {host!r} does not resolve: {error.strerror or error}", "check the name and the resolver")
        ) from error
    refused = [address for address in addresses if not allowlist.permits(host, address)]
    if refused or not addresses:
        raise RefusedError(_refusal(host, refused, allowlist.lists(host), owned))
    return addresses


def split_target(url: str) -> tuple[str, str, int]:
    """`"https://api.test/v1"` -> `("https", "api.test", 443)`. Raises UsageError for anything but an http(s) URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(
            Problem(f"target {url!r} is not a URL: {error}", "write it like http://127.0.0.1:8000")
        ) from error
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise UsageError(Problem(f"target {url!r} is not an http or https URL", "write it like http://127.0.0.1:8000"))
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            Problem(
                "the target URL carries a user name or a password",
                "send them as a header: ${env:NAME} keeps them out of files",
            )
        )
    if any(c.isspace() or ord(c) < 33 for c in url):
        raise UsageError(Problem(f"target {url!r} holds white space", "percent-encode it"))
    return parts.scheme, host, port if port is not None else _DEFAULT_PORTS[parts.scheme]


def resolve_addresses(host: str, port: int) -> tuple[str, ...]:
    """Every distinct address of `host`, in the resolver's order. Raises OSError (`socket.gaierror`)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def normal_host(host: str) -> str:
    """One spelling for each host: lower case, no trailing dot, no brackets, addresses in their shortest form."""
    host = host.strip().strip("[]").rstrip(".").lower()
    found = _parse_address(host)
    return host if found is None else str(found)


def _parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])  # a scope id (fe80::1%eth0) does not change what the address is
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def _refusal(host: str, refused: list[str], listed: bool, owned: bool) -> Problem:
    if not refused:
        return Problem(f"target {host!r} resolves to no address", "check the name and the resolver")
    where = f"target {host!r} resolves to {', '.join(refused)}, which is not this machine"
    if not listed:
        return Problem(where, f"if it is yours, list it (allow_hosts: [{host}]) and pass --i-own-this-target")
    if not owned:
        return Problem(where, "it is listed; pass --i-own-this-target to say that it is yours")
    return Problem(where, "link-local, multicast and unspecified addresses are only reached when listed literally")
