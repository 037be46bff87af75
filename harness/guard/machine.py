"""The facts that preflight examines, read off this machine and its network. All I/O of the preflight is here."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from harness.guard.preflight import MachineFacts, Reach

CONNECT_TIMEOUT_S = 5.0
_PROXY_NAMES = ("http_proxy", "https_proxy", "all_proxy")


def read_machine(folder: Path, environ: Mapping[str, str]) -> MachineFacts:
    """The machine as it is now. `folder` is where runs are written; a fact that cannot be read is None."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = 2**31
    return MachineFacts(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        load_1m=os.getloadavg()[0],
        descriptors_soft=unlimited if soft == resource.RLIM_INFINITY else soft,
        descriptors_hard=unlimited if hard == resource.RLIM_INFINITY else hard,
        ephemeral_ports=_port_range(_read("/proc/sys/net/ipv4/ip_local_port_range")),
        tcp_tw_reuse=_is_on(_read("/proc/sys/net/ipv4/tcp_tw_reuse")),
        clock_source=_read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        clock_step_ns=_clock_step_ns(),
        memory_available=psutil.virtual_memory().available,
        disk_free=_disk_free(folder),
        proxies=tuple(name for name in environ if name.lower() in _PROXY_NAMES and environ[name]),
    )


def reach(url: str, timeout_s: float = CONNECT_TIMEOUT_S) -> Reach:
    """Connect once to a target's host and port, send nothing, and close."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        return Reach(url, error=f"the name {host!r} does not resolve: {error}")
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    started = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return Reach(url, addresses, time.monotonic() - started)
    except OSError as error:
        return Reach(url, addresses, error=f"no connection to port {port}: {error.strerror or error}")


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None


def _is_on(text: str | None) -> bool | None:
    return None if text is None else text != "0"


def _port_range(text: str | None) -> tuple[int, int] | None:
    fields = (text or "").split()
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(f.isdigit() for f in fields) else None


def _disk_free(folder: Path) -> int | None:
    existing = next((path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir()), None)
    return shutil.disk_usage(existing).free if existing else None


def _clock_step_ns() -> int:
    """The smallest step between two different readings, out of a bounded number."""
    smallest = 10**9
    last = time.monotonic_ns()
    for _ in range(2_000):
        now = time.monotonic_ns()
        if now != last:
            smallest = min(smallest, now - last)
            last = now
    return smallest
