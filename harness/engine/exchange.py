"""One request and what came of it: the contract between the journeys, which ask, and the transport, which answers.

Times are `time.monotonic_ns()` readings here; the ledger turns them into nanoseconds on the run's clock.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

from harness.results import NEVER, Outcome, Reason

# Bound once: before Python 3.12 each `Outcome.X` runs Python code inside enum, and this is the hot path.
_NOT_SENT = Outcome.NOT_SENT
_NO_REASON = Reason.NONE


class Request:
    """A request, rendered but for the connection's own bytes. Mutable and slotted: it lives on the hot path."""

    __slots__ = (
        "body",
        "deadline_ns",
        "dialect",
        "frame",
        "headers",
        "keep_body",
        "method",
        "nonce",
        "path",
        "plain",
        "repeats",
        "seq",
        "step",
        "stream",
    )

    def __init__(
        self,
        method: bytes,
        path: bytes,
        headers: bytes = b"",
        body: bytes = b"",
        *,
        dialect: str = "json",
        stream: bool = False,
        nonce: bytes = b"",
        keep_body: bool = False,
        step: int = 0,
        deadline_ns: int = 0,
        seq: int = 0,
    ) -> None:
        self.method = method
        self.path = path
        """Origin-form; the transport puts the target URL's own path before it, unless it begins with that already."""
        self.headers = headers
        """Rendered header lines, each ended by CRLF, the same bytes for many requests. They win over the job's headers,
        which the transport adds, as it adds Host, Content-Length, User-Agent and `x-peakproof-*`."""
        self.body = body
        self.dialect = dialect
        self.plain = dialect == "bytes" and not stream and not nonce
        """The bytes of an answer are all there is to it: the same bytes are the same answer."""
        self.repeats = False
        """It goes out many times, each time with another number."""
        self.frame: tuple[bytes, bytes] | None = None
        """The transport's: where it repeats, what stands before and after the number."""
        self.stream = stream
        self.nonce = nonce
        """Bytes that must appear in the answer; empty asks for nothing."""
        self.keep_body = keep_body
        self.step = step
        self.deadline_ns = deadline_ns
        """Absolute; 0 takes the job's deadline from the moment of sending."""
        self.seq = seq
        """The arrival's number, sent as `x-peakproof-seq`."""


class Exchange:
    """What came of one request. `body` is kept only where the request asked for it."""

    __slots__ = (
        "attempts",
        "body",
        "bytes_in",
        "degraded",
        "events",
        "finish_reason",
        "finished_ns",
        "first_token_ns",
        "flags",
        "gaps",
        "last_token_ns",
        "max_gap_ns",
        "outcome",
        "reason",
        "request",
        "sent_ns",
        "seq",
        "served_by",
        "status",
        "tokens_in",
        "tokens_out",
        "told",
        "written_by",
    )

    terse = False
    """Its owner takes an answer that is `told` from there: the transport need not copy it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.seq = request.seq
        self.outcome = _NOT_SENT
        self.reason = _NO_REASON
        self.status = 0
        self.attempts = 0
        self.flags = 0
        self.sent_ns = NEVER
        self.first_token_ns = NEVER
        self.last_token_ns = NEVER
        self.finished_ns = NEVER
        self.events = 0
        self.max_gap_ns = 0
        self.tokens_in = 0
        self.tokens_out = 0
        self.bytes_in = 0
        self.degraded = 0
        """Index into the catalog's degraded signals; 0 is none."""
        self.served_by = ""
        self.written_by = ""
        """Whose canary the text carries; looked for where the job says so."""
        self.finish_reason = ""
        self.body = b""
        self.gaps: array[int] | None = None
        """Takes the times between the pieces of its content, in ns; None where nobody counts them."""
        self.told: Told | None = None
        """Where the answer was known to the byte: what it says."""


class Told:
    """What a whole answer says that has been read before: everything of an exchange but its times."""

    __slots__ = ("body", "bytes_in", "degraded", "keep_alive", "outcome", "reason", "served_by", "status")

    def __init__(self, exchange: Exchange, body: bytes, keep_alive: bool) -> None:
        self.outcome = exchange.outcome
        self.reason = exchange.reason
        self.status = exchange.status
        self.bytes_in = exchange.bytes_in
        self.degraded = exchange.degraded
        self.served_by = exchange.served_by
        self.body = body
        self.keep_alive = keep_alive

    def tell(self, exchange: Exchange) -> None:
        exchange.outcome = self.outcome
        exchange.reason = self.reason
        exchange.status = self.status
        exchange.bytes_in = self.bytes_in
        exchange.degraded = self.degraded
        exchange.served_by = self.served_by
        if exchange.request.keep_body:
            exchange.body = self.body


Done = Callable[[Exchange], None]
"""Called exactly once for every request handed to the transport, never from inside the call that handed it over."""
