"""One response, from its first byte to its outcome. No I/O, no clock: bytes and times go in, the exchange is filled.

The framing rules (RFC 9112, 6): a message with `Content-Length` is over after so many bytes; a chunked one at its last
chunk and trailers; any other when the connection ends. 1xx heads come before and say nothing. llhttp parses; what it
has parsed once is recognised by its bytes (`head.py`), and bodies of a known length are counted, not parsed.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

import httptools

from harness.engine.exchange import Exchange
from harness.engine.job import EngineJob
from harness.engine.transport.answers import GOOD, Judgement, judge_answer, settle
from harness.engine.transport.body import BadEncodingError, Inflater, TooLargeError
from harness.engine.transport.dialects import BYTES, DIALECTS, SSE
from harness.engine.transport.head import CLOSE_DELIMITED, HEAD_LIMIT_BYTES, Head, HeadReader
from harness.engine.transport.streams import StreamReader
from harness.results import Outcome, Reason
from harness.results.row import FLAG_STREAMED

_OVERHEAD = 8
"""Raw bytes allowed for each body byte: chunk headers of tiny chunks are honest, a flood of extensions is not."""
_BEYOND_CAP: Judgement = (Outcome.TOO_LARGE, Reason.BODY_CAP)
_GOOD_TRAILERS = (b"", b"0", b"ok")


class Ending(Enum):
    """How a connection ended."""

    CLEAN = auto()
    CUT = auto()
    """TLS without its closing alert: anybody on the path can do that."""
    RESET = auto()


_CHUNK_SIZES = {b"%x" % size: size for size in range(1, 1024)}
"""The lines that begin most chunks of a stream. Others are llhttp's to read."""

# Where a reader stands: plain numbers, compared for every read.
_WAITING = 0
_PARSED = 1
"""llhttp has the message."""
_COUNTED = 2
"""A known head, and a body of known length."""


class ResponseReader:
    """Reads the responses of one connection, one after the other: set `exchange`, then `feed` until True; or `end`."""

    __slots__ = (
        "_bare",
        "_body_bytes",
        "_canary",
        "_edge",
        "_error_trailers",
        "_extra",
        "_failure",
        "_head_bytes",
        "_headers",
        "_heads",
        "_inflater",
        "_keep",
        "_key",
        "_known",
        "_left",
        "_limit",
        "_mode",
        "_now",
        "_over",
        "_parser",
        "_parts",
        "_quiet",
        "_raw_limit",
        "_stream",
        "_trailer_error",
        "exchange",
        "head",
        "reusable",
    )

    def __init__(
        self, heads: HeadReader, body_limit_bytes: int, error_trailers: tuple[bytes, ...], canary: bool = False
    ) -> None:
        self._heads = heads
        self._known = heads.known
        self._limit = body_limit_bytes
        self._raw_limit = body_limit_bytes * _OVERHEAD + HEAD_LIMIT_BYTES
        self._error_trailers = error_trailers
        self._canary = canary
        self._mode = _WAITING
        self._edge = self._bare = False
        """llhttp stands between two chunks; and their content is all of the body that is wanted, as it comes."""
        self._quiet = 0
        """Bytes since the last that mattered."""
        self._parser: Any = None
        self.head: Head | None = None
        self.exchange: Any = None
        """The next bytes answer this exchange's request."""
        self.reusable = False
        """After the message: may the connection carry another request?"""

    @classmethod
    def of(cls, job: EngineJob, heads: HeadReader) -> ResponseReader:
        trailers = tuple(name.lower().encode() for name in job.error_trailers)
        return cls(heads, job.body_limit_bytes, trailers, job.canary)

    def feed(self, data: bytes, now_ns: int) -> bool:
        """`data` arrived at `now_ns`. True when the exchange is over, its outcome set."""
        exchange: Exchange = self.exchange
        exchange.bytes_in += len(data)
        if self._mode == _WAITING:
            start = data.find(b"\r\n\r\n") + 4
            head = self._known.get(data[:start])
            if head is not None and head.plain_length == len(data) - start:
                # a known head and all of its body in one read; no state but the exchange is touched
                exchange.status = head.status
                if head.marked:
                    exchange.degraded, exchange.served_by = head.degraded, head.served_by
                judged = head.judged or self._judge_plain(exchange, data[start:])
                if judged is not None:
                    if exchange.request.keep_body:
                        exchange.body = data[start:]
                    self.reusable = head.keep_alive
                    settle(exchange, judged, now_ns)
                    if exchange.request.plain:
                        self._heads.remember_answer(data, exchange, head.keep_alive)
                    return True
            return self._begin(head, data, start, now_ns)
        if self._mode == _COUNTED:
            self._now = now_ns
            return self._take_counted(data)
        return self._take_chunks(data, now_ns) if self._edge else self._parse(data, now_ns)

    def end(self, ending: Ending, now_ns: int) -> None:
        """The connection ended before the message did; sets the outcome."""
        exchange: Exchange = self.exchange
        self._now = now_ns
        if self._mode == _WAITING or self.head is None:
            settle(exchange, (Outcome.RESET, Reason.NONE), now_ns)
            return
        if self.head.length == CLOSE_DELIMITED and ending is Ending.CLEAN:
            settle(exchange, self._judge(), now_ns)
            return
        judged = self.head.judged
        if judged is None and self._stream is not None and self._stream.error is not None:
            judged = self._stream.judge_error()
        reason = Reason.RESET_IN_BODY if ending is Ending.RESET else Reason.CUT_IN_BODY
        settle(exchange, judged or (Outcome.TRUNCATED, reason), now_ns)

    def dispose(self) -> None:
        """Break the ring of parser and callbacks: the collector is off during the load."""
        self._parser = None

    def _judge_plain(self, exchange: Exchange, body: bytes) -> Judgement | None:
        """A whole body that needs no decoding; None where it must be read as a stream."""
        request = exchange.request
        dialect = DIALECTS[request.dialect]
        if request.stream or dialect is SSE or len(body) > self._limit:
            return None
        return GOOD if dialect is BYTES and not request.nonce else judge_answer(exchange, dialect, body, self._canary)

    def _begin(self, head: Head | None, data: bytes, start: int, now_ns: int) -> bool:
        """The first bytes of a message, not whole or not known: by llhttp, or counted where the head is known."""
        self._reset(now_ns)
        if head is not None and head.length >= 0 and self.exchange.request.method != b"HEAD":
            self._mode = _COUNTED
            self._open(head)
            self._left = head.length
            return self._take_counted(data[start:])
        self._mode = _PARSED
        self._key = data[:start] if start > 3 else b""
        return self._parse(data, now_ns)

    def _take_counted(self, data: bytes) -> bool:
        self._extra = len(data) > self._left
        data = data[: self._left]
        self._left -= len(data)
        if data:
            self.on_body(data)
        self._over = self._left == 0
        return self._conclude()

    def _take_chunks(self, data: bytes, now_ns: int) -> bool:
        """llhttp stands between two chunks: whole ones with a plain size line it need not see. It gets the rest, from
        the first byte that is anything else."""
        self._now = now_ns
        at, end = 0, len(data)
        begin = data.find(b"\r\n", 0, 5) + 2
        if self._bare and _CHUNK_SIZES.get(data[: begin - 2]) == end - begin - 2:
            stream = self._stream
            if stream is not None and stream.again(data, begin, now_ns):
                self._body_bytes += end - begin - 2
                if self._body_bytes <= self._limit and self.exchange.bytes_in <= self._raw_limit:
                    self._quiet = 0
                    return False
                self._fail(*_BEYOND_CAP)
                return self._conclude()
        while at < end:
            begin = data.find(b"\r\n", at, at + 5) + 2
            size = _CHUNK_SIZES.get(data[at : begin - 2]) if begin > 1 else None
            if size is None or data[begin + size : begin + size + 2] != b"\r\n":
                return self._parse(data[at:] if at else data, now_ns)
            self.on_body(data[begin : begin + size])
            at = begin + size + 2
        if self.exchange.bytes_in > self._raw_limit:
            self._fail(*_BEYOND_CAP)
        return False if self._failure is None else self._conclude()

    def _parse(self, data: bytes, now_ns: int) -> bool:
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self._now = now_ns
        self._quiet += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._extra = True
            if not self._over:
                self._fail(Outcome.MALFORMED, Reason.BAD_HTTP)
        self._edge = self._edge and data.endswith(b"\r\n")  # and not inside the next chunk's size
        if self._quiet > HEAD_LIMIT_BYTES:
            self._fail(Outcome.TOO_LARGE, Reason.HEADER_CAP)
        elif self.exchange.bytes_in > self._raw_limit:
            self._fail(*_BEYOND_CAP)
        return self._conclude() if self._over or self._failure is not None else False

    def _conclude(self) -> bool:
        """After a read: is it over, well or not?"""
        if self._failure is None and not self._over:
            return False
        head = self.head
        judged = self._judge() if self._failure is None else self._failure
        if self._failure is not None and head is not None:
            judged = head.judged or self._failure  # a 500 with a broken body is a 500
        whole = self._over and not self._extra and self._failure is None
        self.reusable = whole and head is not None and head.keep_alive and self.exchange.request.method != b"HEAD"
        self._mode = _WAITING
        settle(self.exchange, judged, self._now)
        return True

    def _reset(self, now_ns: int) -> None:
        self.head = None
        self.reusable = False
        self._now = now_ns
        self._failure: Judgement | None = None
        self._over = self._extra = self._trailer_error = self._edge = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = self._body_bytes = self._left = 0
        self._quiet = 0
        self._inflater: Inflater | None = None
        self._stream: StreamReader | None = None
        self._parts: list[bytes] = []
        self._keep = False

    def _open(self, head: Head) -> None:
        """The head is known: choose what becomes of the body."""
        exchange = self.exchange
        request = exchange.request
        dialect = DIALECTS[request.dialect]
        self.head = head
        exchange.status = head.status
        exchange.degraded = head.degraded
        exchange.served_by = head.served_by
        good = head.judged is None
        if good and (request.stream or dialect is SSE) and not head.json:
            self._stream = StreamReader(exchange, dialect, self._canary)
            exchange.flags |= FLAG_STREAMED
        self._keep = request.keep_body or (
            good and self._stream is None and (dialect is not BYTES or bool(request.nonce))
        )
        if head.length > self._limit and request.method != b"HEAD":
            self._fail(*_BEYOND_CAP)
        elif head.encoding:
            try:
                self._inflater = Inflater(head.encoding, self._limit)
            except BadEncodingError:
                self._fail(Outcome.MALFORMED, Reason.BAD_ENCODING)

    def _judge(self) -> Judgement:
        """The message ended well, as HTTP goes."""
        exchange = self.exchange
        body = b"".join(self._parts)
        if exchange.request.keep_body:
            exchange.body = body
        if self.head is not None and self.head.judged is not None:
            return self.head.judged
        if self._inflater is not None and not self._inflater.complete:
            return Outcome.TRUNCATED, Reason.SHORT_ENCODING
        if self._stream is not None:
            judged = self._stream.finish(self._now)
        elif exchange.request.method == b"HEAD":
            judged = GOOD
        else:
            judged = judge_answer(exchange, DIALECTS[exchange.request.dialect], body, self._canary)
        if judged is GOOD or judged[0] is Outcome.OK:
            return (Outcome.SERVER_ERROR, Reason.TRAILER_ERROR) if self._trailer_error else GOOD
        return judged

    def _fail(self, outcome: Outcome, reason: Reason) -> None:
        if self._failure is None:
            self._failure = (outcome, reason)

    # What llhttp calls. None of them raises.

    def on_message_begin(self) -> None:
        self._extra = self._extra or self._over

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._over:
            return
        self._quiet = 0
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_LIMIT_BYTES:
            self._fail(Outcome.TOO_LARGE, Reason.HEADER_CAP)
        elif self.head is None:
            self._headers.append((name.lower(), value))
        elif name.lower() in self._error_trailers and value.strip().lower() not in _GOOD_TRAILERS:
            self._trailer_error = True

    def on_headers_complete(self) -> None:
        if self._over or self._failure is not None:
            return
        status = self._parser.get_status_code()
        if status < 200:  # an interim response: it says nothing, but its bytes count against the cap
            self._headers, self._key = [], b""
            self._head_bytes += 16
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self._fail(Outcome.TOO_LARGE, Reason.HEADER_CAP)
            return
        head = self._heads.read(status, self._parser.get_http_version(), self._headers)
        self._headers = []
        if self._key:
            self._heads.remember(self._key, head)
            self._key = b""
        self._open(head)
        self._over = self.exchange.request.method == b"HEAD"

    def on_body(self, data: bytes) -> None:
        if self._failure is not None or self._over:
            return
        self._quiet = 0
        if self._inflater is not None:
            try:
                data = self._inflater.feed(data)
            except TooLargeError:
                self._fail(*_BEYOND_CAP)
                return
            except BadEncodingError:
                self._fail(Outcome.MALFORMED, Reason.BAD_ENCODING)
                return
        self._body_bytes += len(data)
        if self._body_bytes > self._limit:
            self._fail(*_BEYOND_CAP)
            return
        if self._keep and data:
            self._parts.append(data)
        if self._stream is not None and data:
            self._stream.feed(data, self._now)

    def on_chunk_header(self) -> None:
        self._edge = False

    def on_chunk_complete(self) -> None:
        self._edge = True
        self._bare = not self._keep and self._inflater is None

    def on_message_complete(self) -> None:
        if self.head is not None:
            self._over = True
