"""What a request's head says, and a memory of heads: clients repeat theirs to the byte, but for the run's own numbers.

To look up a head costs a tenth of parsing it. The memory holds only what llhttp has read as a whole request before, so
that nothing is ever taken for a request that llhttp would have refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

KNOWN_LIMIT = 512
KNOWN_HEAD_BYTES = 2048
_FORGETS = 20
_SEQ = b"x-peakproof-seq"
_TRACE = b"traceparent"
_SEQ_LINE = b"\r\nx-peakproof-seq: "
_TRACE_LINE = b"\r\ntraceparent: "
_TRACE_BYTES = 55
_TRACE_DIGITS = b"0123456789abcdef-"


class Head:
    """A request's head. Header names are lower case bytes, as they are needed on the hot path; to be shared, and so
    not to be changed."""

    __slots__ = ("body_bytes", "headers", "keep_alive", "method", "path", "query_string", "run", "seq")

    def __init__(self, method: str, target: str, headers: Mapping[bytes, bytes], keep_alive: bool) -> None:
        path, _, query = target.partition("?")
        self.method = method
        self.path = unquote(path) if "%" in path else path
        self.query_string = query
        self.headers = headers
        self.keep_alive = keep_alive
        self.body_bytes = 0
        """The length of the body that follows; told of a head that is known."""
        self.run = headers.get(b"x-peakproof-run", b"").decode("latin-1")
        self.seq = headers.get(_SEQ, b"").decode("latin-1")

    def numbered(self, seq: bytes, trace: bytes) -> Head:
        """The same head with other numbers of the run in it."""
        head = Head.__new__(Head)
        head.method, head.path, head.query_string = self.method, self.path, self.query_string
        head.keep_alive, head.body_bytes = self.keep_alive, self.body_bytes
        head.run, head.seq = self.run, seq.decode("ascii")
        headers = head.headers = {**self.headers, _SEQ: seq}
        if trace:
            headers[_TRACE] = trace
        return head


class Heads:
    """The memory of one port. Bounded; where heads never repeat, nothing is remembered any more after a while."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self._forgotten = 0

    def find(self, data: bytes) -> Head | None:
        """The head of the request that `data` is, where it is one, whole and alone, and its head is known."""
        body_at = data.find(b"\r\n\r\n") + 4
        size = len(data)
        key = data if body_at == size else data[:body_at]
        head = self._known.get(key)
        if head is None:
            if key.find(_SEQ_LINE) < 0:
                return None
            key, seq, trace = _cut(key)
            head = self._known.get(key)
            if head is None:
                return None
            head = head.numbered(seq, trace)
        return head if head.body_bytes == size - body_at else None

    def remember(self, data: bytes, head: Head) -> None:
        """llhttp has read `data` as exactly one request with this head, on a connection that is kept."""
        if self._forgotten >= _FORGETS:
            return
        body_at = data.find(b"\r\n\r\n") + 4
        key = data[:body_at]
        lower = key.lower()
        if body_at > KNOWN_HEAD_BYTES or not key[:1].isalpha() or key.count(b"\n") != key.count(b"\r\n"):
            return  # where it ends is ambiguous to anybody but llhttp
        size = int(head.headers.get(b"content-length", b"0"))
        if size != len(data) - body_at or not head.keep_alive or _more_is_said(lower):
            return
        seq = trace = b""
        if key.find(_SEQ_LINE) >= 0:
            key, seq, trace = _cut(key)
            if seq != head.headers[_SEQ] or (trace and trace != head.headers[_TRACE]):
                return
        if len(self._known) >= KNOWN_LIMIT:
            self._known.clear()
            self._forgotten += 1
        head.body_bytes = size
        self._known[key] = head


def _more_is_said(lower: bytes) -> bool:
    """By framing of another kind, by an order to the server, or by a number that comes twice."""
    orders = (b"\r\ntransfer-encoding:", b"\r\nexpect:", b"\r\nupgrade:")
    numbers = (b"\r\nx-peakproof-seq:", b"\r\ntraceparent:")
    return any(word in lower for word in orders) or any(lower.count(word) > 1 for word in numbers)


def _cut(key: bytes) -> tuple[bytes, bytes, bytes]:
    """A head without the numbers that tell the requests of a run apart, and these: seq, trace. The head as it is, and
    nothing, where they are not written as the run's clients write them."""
    at = key.find(_SEQ_LINE) + len(_SEQ_LINE)
    end = key.find(b"\r", at)
    seq = key[at:end]
    if not seq.isdigit():
        return key, b"", b""
    rest = key[:at] + key[end:]
    at = rest.find(_TRACE_LINE)
    if at < 0:
        return rest, seq, b""
    at += len(_TRACE_LINE)
    end = at + _TRACE_BYTES
    trace = rest[at:end]
    if rest[end : end + 2] != b"\r\n" or trace.translate(None, _TRACE_DIGITS):
        return rest, seq, b""
    return rest[:at] + rest[end:], seq, trace
