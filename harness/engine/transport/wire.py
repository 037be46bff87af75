"""Requests as bytes: the parts that never change are joined once, the others are spliced in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from harness import COMMAND, __version__
from harness.engine.exchange import Request
from harness.engine.job import EngineJob
from harness.errors import Problem, UsageError

_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset(
    {"content-length", "transfer-encoding", "connection", "user-agent", "x-peakproof-run", "x-peakproof-seq"}
)
_BODILESS = frozenset({b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"})


def render_headers(headers: Mapping[str, str], env: Mapping[str, str] | None = None) -> bytes:
    """Header lines as they go out, each ended by CRLF; `${env:NAME}` in a value becomes that variable's value.

    `env` is the process's environment when absent. Raises UsageError for a name or a value that HTTP does not allow (a
    line break in a value would be a second header), for an unset variable, and for the transport's own headers. No
    value is ever part of the message: it may be a key.
    """
    lines = []
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise UsageError(Problem(f"{name!r} is not a header name"))
        if name.lower() in _OURS:
            raise UsageError(Problem(f"the header {name} is set by {COMMAND} itself", "leave it out"))
        resolved = _resolve(name, value, os.environ if env is None else env)
        if not _VALUE.fullmatch(resolved):
            raise UsageError(
                Problem(
                    f"the value of the header {name} holds a character that HTTP does not allow", "look for line breaks"
                )
            )
        lines.append(f"{name}: {resolved}\r\n")
    return "".join(lines).encode("latin-1")


class Renderer:
    """Renders requests for one target: `Host`, the run's identity and the job's headers are in all of them."""

    __slots__ = ("_fixed",)

    def __init__(self, authority: str, job: EngineJob, env: Mapping[str, str] | None = None) -> None:
        given = {name.lower() for name in job.headers}
        own = {
            "host": authority,
            "accept": "*/*",
            "accept-encoding": "gzip, deflate",
        }
        lines = [f"{name}: {value}\r\n" for name, value in own.items() if name not in given]
        lines.append(f"user-agent: {COMMAND}/{__version__} (run {job.run_id})\r\nx-peakproof-run: {job.run_id}\r\n")
        self._fixed = b" HTTP/1.1\r\n" + "".join(lines).encode("latin-1") + render_headers(job.headers, env)

    def render(self, request: Request) -> bytes:
        body = request.body
        if body or request.method not in _BODILESS:
            return b"%b %b%b%bx-peakproof-seq: %d\r\ncontent-length: %d\r\n\r\n%b" % (
                request.method,
                request.path,
                self._fixed,
                request.headers,
                request.seq,
                len(body),
                body,
            )
        return b"%b %b%b%bx-peakproof-seq: %d\r\n\r\n" % (
            request.method,
            request.path,
            self._fixed,
            request.headers,
            request.seq,
        )


def _resolve(name: str, value: str, env: Mapping[str, str]) -> str:
    def look_up(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable not in env:
            raise UsageError(Problem(f"the header {name} needs the environment variable {variable}, which is not set"))
        return env[variable]

    return _ENV.sub(look_up, value)
