"""Requests as bytes: the parts that never change are joined once, the others are spliced in."""

from __future__ import annotations

import os
import re
from binascii import hexlify
from collections.abc import Mapping

from harness import COMMAND, __version__
from harness.engine.exchange import Request
from harness.engine.job import EngineJob
from harness.errors import Problem, UsageError
from harness.results import trace_parts

_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset(
    {
        "content-length",
        "transfer-encoding",
        "connection",
        "user-agent",
        "traceparent",
        "x-peakproof-run",
        "x-peakproof-seq",
    }
)
_AFTER_TRACE = b"-01\r\nx-peakproof-seq: "
_END_OF_HEAD = b"\r\n\r\n"
_MERGED_KEPT = 256
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
    """Renders requests for one target. What is said twice is sent once: a request's own header wins over the job's, the
    job's over the transport's (`Host`, `Accept-Encoding`). The run's identity and the lengths are nobody else's."""

    __slots__ = ("_base", "_headers", "_identity", "_merged", "_span")

    def __init__(self, authority: str, job: EngineJob, base: bytes = b"", env: Mapping[str, str] | None = None) -> None:
        """`base` is the target URL's own path, without a final slash: it goes before every path that does not begin
        with it already. Raises UsageError as `render_headers` does."""
        self._base = base
        self._identity = f"user-agent: {COMMAND}/{__version__} (run {job.run_id})\r\nx-peakproof-run: {job.run_id}\r\n"
        trace, span = trace_parts(job.run_id)
        self._identity += f"traceparent: 00-{trace}"
        self._span = b"-" + span.encode()
        own = {"host": authority, "accept-encoding": "gzip, deflate"}
        own |= {name.lower(): value for name, value in job.headers.items()}
        self._headers = {name: render_headers({name: value}, env) for name, value in own.items()}
        self._merged: dict[bytes, bytes] = {}

    def render(self, request: Request, seq: int) -> bytes:
        """The request as it goes out for arrival `seq`."""
        number = hexlify(seq.to_bytes(4, "big"))
        frame = request.frame
        if frame is not None:
            return b"".join((frame[0], number, self._span, number, _AFTER_TRACE, b"%d" % seq, frame[1]))
        headers = self._merged.get(request.headers)
        if headers is None:
            headers = self._merge(request.headers)
        path, body, method = request.path, request.body, request.method
        if self._base and not (path == self._base or path.startswith((self._base + b"/", self._base + b"?"))):
            path = self._base + path
        length = b"" if not body and method in _BODILESS else b"\r\ncontent-length: %d" % len(body)
        if request.repeats:
            request.frame = method + b" " + path + headers, length + _END_OF_HEAD + body
        between = (number, self._span, number, _AFTER_TRACE, b"%d" % seq)
        return b"".join((method, b" ", path, headers, *between, length, _END_OF_HEAD, body))

    def _merge(self, lines: bytes) -> bytes:
        """From the end of the request line to the place of the trace id's last digits, which are the sequence number.
        Journeys repeat their header lines, so the outcome is kept, for a bounded number of them."""
        said = {_name_of(line) for line in lines.split(b"\r\n")}
        parts = [b" HTTP/1.1\r\n"]
        parts += [line for name, line in self._headers.items() if name not in said]
        parts += [line + b"\r\n" for line in lines.split(b"\r\n") if line and _name_of(line) not in _OURS]
        merged = b"".join(parts) + self._identity.encode("latin-1")
        if len(self._merged) >= _MERGED_KEPT:
            self._merged.clear()
        self._merged[lines] = merged
        return merged


def _name_of(line: bytes) -> str:
    return line.partition(b":")[0].strip().lower().decode("latin-1")


def _resolve(name: str, value: str, env: Mapping[str, str]) -> str:
    def look_up(match: re.Match[str]) -> str:
        variable = match.group(1)
        if variable not in env:
            raise UsageError(Problem(f"the header {name} needs the environment variable {variable}, which is not set"))
        return env[variable]

    return _ENV.sub(look_up, value)
