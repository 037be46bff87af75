"""A probe: one small request to an upstream's data port, and what can be told from its answer.

A fault is gone when the upstream behaves as before it, whatever the injector says (drills.md, "Faults are leases").
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

TCP = "tcp"
"""The mock that any protocol may stand behind: its probe is a few bytes and whatever comes back."""
TIMEOUT_S = 3.0
SLOWER_BY, SLOWER_S = 4.0, 0.75
"""An answer is slower where it takes four times as long, and three quarters of a second more."""
SIZE_APART = 0.25

_KNOCK = b"GET / HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
_SILENT_S = 0.5
"""After the first bytes: so long without another is the end of the answer."""
_CHAT = {"model": "probe", "messages": [{"role": "user", "content": "probe"}], "max_tokens": 8, "stream": True}
_REQUESTS: Mapping[str, tuple[str, Any]] = {
    **dict.fromkeys(("openai", "groq", "vllm", "copilot"), ("/v1/chat/completions", _CHAT)),
    "anthropic": ("/v1/messages", _CHAT),
    "qdrant": (
        "/collections/docs/points/query",
        {"query": [0.1] * 256, "limit": 3, "with_payload": True},
    ),
}
"""By kind of mock; anything else is asked for `/`, whose refusal is behaviour as well."""


@dataclass(frozen=True)
class Reading:
    """What one answer was like. Status 0 is no answer, 1 one that has no status (`tcp`)."""

    status: int
    took_s: float
    size: int
    whole: bool

    def like(self, other: Reading) -> bool:
        """The same behaviour: status, completeness, about the same size, and not much slower."""
        slow = self.took_s > SLOWER_BY * other.took_s and self.took_s > other.took_s + SLOWER_S
        sizes = abs(self.size - other.size) <= SIZE_APART * max(self.size, other.size)
        return (self.status, self.whole) == (other.status, other.whole) and sizes and not slow

    def __str__(self) -> str:
        what = f"status {self.status}" if self.status else "no answer"
        return f"{what} in {self.took_s:.2f} s, {self.size} bytes" + ("" if self.whole else ", cut")


@dataclass(frozen=True)
class Probe:
    """Asks one upstream. `header` and `path` are those a fault is limited to."""

    client: httpx.Client
    url: str
    mock: str
    headers: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def ask(self) -> Reading:
        """Never raises: what cannot be reached reads as status 0."""
        if self.mock == TCP:
            return self._knock()
        path, body = _REQUESTS.get(self.mock, ("/", None))
        started = self.clock()
        status, size, whole = 0, 0, False
        try:
            method = "GET" if body is None else "POST"
            headers = {"authorization": "Bearer probe", "x-api-key": "probe", **self.headers}
            with self.client.stream(method, self.url + path, json=body, headers=headers, timeout=TIMEOUT_S) as answer:
                status = answer.status_code
                for piece in answer.iter_raw():
                    size += len(piece)
                    if self.clock() - started > TIMEOUT_S:
                        return Reading(status, self.clock() - started, size, whole=False)
            whole = True
        except (httpx.HTTPError, httpx.InvalidURL):
            pass
        return Reading(status, self.clock() - started, size, whole)

    def _knock(self) -> Reading:
        """Behind a TCP proxy may be anything: most of it says something to an HTTP request, if only that it is none.
        Whole is what came to an end in order: closed, or silent after its first bytes. A reset is no answer."""
        started, status, size, whole = self.clock(), 0, 0, False
        address = urlsplit(self.url)
        try:
            with socket.create_connection((address.hostname or "", address.port or 0), TIMEOUT_S) as link:
                link.sendall(_KNOCK)
                while (left_s := TIMEOUT_S - (self.clock() - started)) > 0:
                    link.settimeout(min(left_s, _SILENT_S) if size else left_s)
                    try:
                        piece = link.recv(65_536)
                    except TimeoutError:
                        whole = size > 0
                        break
                    if not piece:
                        whole = True
                        break
                    size += len(piece)
            status = 1
        except OSError:
            pass
        return Reading(status, self.clock() - started, size, whole)
