"""How one request ended. Exactly one of these for every planned arrival: the conservation law."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """Terminal outcomes; the number is what the spool stores, so numbers are never reused.

    `DEGRADED` is a success that goodput does not count. `NOT_SENT` met the in-flight bound, the generator or the stop;
    `LOST_WITH_WORKER` was planned for a worker that died before it reported.
    """

    OK = 0
    DEGRADED = 1
    THROTTLED = 2
    SERVER_ERROR = 3
    CLIENT_ERROR = 4
    TIMEOUT = 5
    REFUSED = 6
    RESET = 7
    TRUNCATED = 8
    MALFORMED = 9
    WRONG_SHAPE = 10
    TOO_LARGE = 11
    CANCELLED = 12
    NOT_SENT = 13
    LOST_WITH_WORKER = 14

    @property
    def label(self) -> str:
        return self.name.lower()

    @property
    def is_success(self) -> bool:
        return self in SUCCESSES

    @classmethod
    def parse(cls, label: str) -> Outcome:
        """`"server_error"` -> `SERVER_ERROR`; raises `KeyError` on anything else."""
        return cls[label.strip().upper().replace("-", "_")]


SUCCESSES = frozenset({Outcome.OK, Outcome.DEGRADED})

NEVER_SENT = frozenset({Outcome.NOT_SENT, Outcome.LOST_WITH_WORKER})


class Reason(IntEnum):
    """Why, in more detail than the outcome. The number is what the spool stores.

    Reasons from `CLIENT_DNS` to `CLIENT_OTHER` are failures of our own machine: they spoil the measurement, they do not
    accuse the target (verdict.md, gate "client-side failures").
    """

    NONE = 0
    DEADLINE = 1
    """The total deadline passed."""
    IDLE = 2
    """No byte arrived for longer than the idle limit."""
    IN_BAND_ERROR = 3
    """HTTP 200, and an error object inside the body or the stream."""
    NO_END_MARKER = 4
    """A clean end of body, without the stream's own end marker or finish reason."""
    CUT_IN_BODY = 5
    """The connection ended inside a content-length or chunked body."""
    RESET_IN_BODY = 6
    """RST after the headers."""
    EMPTY_STREAM = 7
    """The stream ended well and held no content."""
    SHORT_ENCODING = 8
    """A gzip or deflate body that ended before its own trailer."""
    BAD_EVENT = 9
    """An event of the stream that does not parse."""
    BAD_HTTP = 10
    BAD_ENCODING = 11
    NONCE_MISSING = 12
    """The answer does not carry the nonce of its own request (another request's answer)."""
    REDIRECT = 13
    BODY_CAP = 14
    HEADER_CAP = 15
    TRAILER_ERROR = 16
    CHECK_FAILED = 17
    """A check that the plan or the journey states on the answer did not hold."""
    LENGTH_OFF = 18
    """The answer's length is not the one that was asked for."""
    JOURNEY_ERROR = 19
    """The journey's own code raised."""
    REUSE_RACE = 20
    """A kept-alive connection that the peer closed as the request went out, before any byte came back."""
    IN_FLIGHT_BOUND = 21
    STOPPED = 22
    """The run was stopped or its drain ended before the answer came."""
    LATE = 23
    """Older than the cut when the generator came to it (a stall, a late joiner): not fired in a burst."""
    NOT_ALLOWED = 24
    """The allowlist refused the resolved address."""
    TLS = 25
    CLIENT_DNS = 64
    CLIENT_PORTS = 65
    CLIENT_DESCRIPTORS = 66
    CLIENT_OTHER = 67

    @property
    def label(self) -> str:
        return self.name.lower()

    @property
    def is_client_side(self) -> bool:
        return self >= Reason.CLIENT_DNS
