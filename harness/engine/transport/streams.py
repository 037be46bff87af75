"""Server-sent events as they arrive: first token, gaps, usage, finish reason, errors. No I/O, no clock.

Bytes are only scanned for the ends of events and for the shape of a plain piece of content; JSON is decoded for the
first content, and for every event that is not surely one more piece of it. The rules of the format (WHATWG HTML,
"Server-sent events"): a line ends with LF, CRLF or CR; an event ends with an empty line; a line that starts with a
colon is a comment. However the bytes are split into reads, what is said at the end is the same.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from harness.engine.exchange import Exchange
from harness.engine.transport.dialects import UNKNOWN, Dialect, Signs, judge_error
from harness.results import NEVER, Outcome, Reason
from harness.results.row import FLAG_NONCE_CHECKED, FLAG_TOKENS_FROM_USAGE

EVENT_LIMIT_BYTES = 1024 * 1024
_NO_EVENT = b"\n\n"
"""No event holds it."""
_BACKSLASH = 0x5C
_CANARY = re.compile(r"\[served-by:([^\]\s]{1,100})\]")
_BOM = b"\xef\xbb\xbf"


class StreamReader:
    """Reads one stream into its exchange: `feed` for every piece of the decoded body, then `finish` once."""

    __slots__ = (
        "_after",
        "_bad",
        "_before",
        "_canary",
        "_chunk_end",
        "_cr",
        "_dialect",
        "_end",
        "_exchange",
        "_finish_due",
        "_gaps",
        "_scan",
        "_started",
        "_tail",
        "_tail_bytes",
        "_text",
        "error",
    )

    def __init__(self, exchange: Exchange, dialect: Dialect, canary: bool = False) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._scan = dialect.scan
        self._gaps = exchange.gaps
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._before, self._after = _NO_EVENT, _NO_EVENT
        """What stood around the last piece of content."""
        self._chunk_end = b""
        """`_after`, where the event is a chunk of its own."""
        self._cr = False
        """The last byte was a CR: an LF that comes next belongs to it."""
        self._started = False
        self._end = False
        self._finish_due = False
        self._bad = False
        self._text: list[str] | None = [] if exchange.request.nonce or canary else None
        self._canary = canary
        self.error: Any = None
        """The in-band error, as decoded."""

    def feed(self, data: bytes, now_ns: int) -> None:
        """`data` arrived at `now_ns`: so did every event that ends in it."""
        if self._cr or data.find(b"\r") >= 0:
            data = self._unify(data)
            if not data:
                return
        tail = self._tail
        if tail:
            if data.find(b"\n\n") < 0 and not (data.startswith(b"\n") and tail[-1].endswith(b"\n")):
                self._keep(data)
                return
            tail.append(data)
            data = b"".join(tail)
            self._tail, self._tail_bytes = [], 0
        events = data.split(b"\n\n")
        rest = events.pop()
        if rest:
            self._keep(rest)
        for event in events:
            if event.startswith(self._before) and event.endswith(self._after):
                piece = event[len(self._before) : -len(self._after)]
                if piece and piece.find(b'"') < 0 and piece[-1] != _BACKSLASH:
                    self._count(now_ns)
                    continue
            self._look(event, now_ns)

    def again(self, chunk: bytes, begin: int, now_ns: int) -> bool:
        """The hot path: `chunk[begin:]`, a chunk's content and its line end, is one event more of what came before.
        False, and nothing is touched, where that is not sure."""
        if not chunk.startswith(self._before, begin) or not chunk.endswith(self._chunk_end) or self._tail or self._cr:
            return False
        piece = chunk[begin + len(self._before) : -len(self._chunk_end)]
        if not piece or piece[-1] == _BACKSLASH or piece.find(b'"') >= 0:
            return False
        if piece.find(b"\n") >= 0 or piece.find(b"\r") >= 0:
            return False
        exchange = self._exchange
        exchange.events += 1
        gap = now_ns - exchange.last_token_ns
        exchange.last_token_ns = now_ns
        if self._gaps is not None:
            self._gaps.append(gap)
        if gap > exchange.max_gap_ns:  # noqa: PLR1730 -- as in `_count`
            exchange.max_gap_ns = gap
        return True

    def finish(self, now_ns: int) -> tuple[Outcome, Reason]:
        """The body ended well at `now_ns`: what did the stream say?"""
        if self._tail:
            self._read_last(b"".join(self._tail), now_ns)
        exchange = self._exchange
        if self._canary and self._text is not None:
            exchange.written_by = canary_in("".join(self._text))
        if self.error is not None:
            return self.judge_error()
        if self._bad:
            return Outcome.MALFORMED, Reason.BAD_EVENT
        owed = not self._end or (self._finish_due and self._started)  # an end marker may stand where a stream broke off
        if self._dialect.has_end and owed and not exchange.finish_reason:
            return Outcome.TRUNCATED, Reason.NO_END_MARKER
        if not self._started:
            return Outcome.WRONG_SHAPE, Reason.EMPTY_STREAM
        if self._text is not None and exchange.request.nonce:
            exchange.flags |= FLAG_NONCE_CHECKED
            if exchange.request.nonce.decode("utf-8", "replace") not in "".join(self._text):
                return Outcome.WRONG_SHAPE, Reason.NONCE_MISSING
        return Outcome.OK, Reason.NONE

    def judge_error(self) -> tuple[Outcome, Reason]:
        return judge_error(self.error), Reason.IN_BAND_ERROR

    def _count(self, now_ns: int) -> None:
        """One more piece of content, and not the first."""
        exchange = self._exchange
        exchange.events += 1
        gap = now_ns - exchange.last_token_ns
        exchange.last_token_ns = now_ns
        if self._gaps is not None:
            self._gaps.append(gap)
        if gap > exchange.max_gap_ns:  # noqa: PLR1730 -- a call of max() costs more than all of the above
            exchange.max_gap_ns = gap

    def _look(self, event: bytes, now_ns: int) -> None:
        """By the dialect's scan where that is sure, else by decoding. What surrounds a piece of content mostly repeats
        to the byte, so it is remembered: the same surroundings with another string in them are content again."""
        if self._started and self._text is None:
            start, end = self._scan(event)
            if end > start:
                if event.startswith(b'"', end):
                    self._before, self._after = event[:start], event[end:]
                    self._chunk_end = self._after + b"\n\n\r\n"
                self._count(now_ns)
                return
        self._read(event, now_ns)

    def _keep(self, data: bytes) -> None:
        self._tail.append(data)
        self._tail_bytes += len(data)
        if self._tail_bytes > EVENT_LIMIT_BYTES:  # nobody's event: do not hold it, but do say it
            self._bad = True
            self._tail, self._tail_bytes = [self._tail[-1][-1:]], 1

    def _unify(self, data: bytes) -> bytes:
        """Every line ending as LF, one that is split between two reads included."""
        if self._cr and data.startswith(b"\n"):
            data = data[1:]
        self._cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _read(self, event: bytes, now_ns: int) -> None:
        """One event by its lines: the slow and whole way."""
        name, data = split_event(event)
        if data is None:
            return
        if data.strip() == b"[DONE]":
            self._end = True
            return
        try:
            decoded = orjson.loads(data)
        except orjson.JSONDecodeError:
            if self._dialect.has_end:
                self._bad = True
                return
            decoded = data.decode("utf-8", "replace")
        self._take(self._dialect.read_event(name, decoded), now_ns)

    def _read_last(self, rest: bytes, now_ns: int) -> None:
        """What stands after the last empty line. The format says to drop it; servers that forget the empty line after
        `[DONE]` or after the last chunk are many, so it counts when it is whole, and is no error when it is not."""
        _, data = split_event(rest)
        if data is None:
            return
        bad = self._bad
        self._read(rest, now_ns)
        self._bad = bad

    def _take(self, signs: Signs, now_ns: int) -> None:
        exchange = self._exchange
        if signs.error is not None and self.error is None:
            self.error = signs.error
        self._end = self._end or signs.end
        self._finish_due = self._finish_due or signs.finish_due
        exchange.finish_reason = signs.finish or exchange.finish_reason
        note_answer(exchange, signs)
        if self._text is not None and signs.text:
            self._text.append(signs.text)
        if not signs.content:
            return
        exchange.events += 1
        if exchange.first_token_ns == NEVER:
            exchange.first_token_ns = now_ns
            self._started = True
        else:
            gap = now_ns - exchange.last_token_ns
            exchange.max_gap_ns = max(exchange.max_gap_ns, gap)
            if self._gaps is not None:
                self._gaps.append(gap)
        exchange.last_token_ns = now_ns


def canary_in(text: str) -> str:
    """Whose canary the text carries: `[served-by:NAME]`, wherever it stands; empty where there is none."""
    found = _CANARY.search(text)
    return found[1] if found else ""


def split_event(event: bytes) -> tuple[str, bytes | None]:
    """`b"event: ping\\ndata: {}"` -> `("ping", b"{}")`; None where the event has no data line (a comment, a retry)."""
    name = ""
    data: list[bytes] = []
    for line in event.removeprefix(_BOM).split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return name, b"\n".join(data) if data else None


def note_answer(exchange: Exchange, signs: Signs) -> None:
    """What an answer says about itself beside its content: model and token counts, the last word counting."""
    if signs.model and not exchange.served_by:
        exchange.served_by = signs.model
    if signs.tokens_in != UNKNOWN:
        exchange.tokens_in = signs.tokens_in
    if signs.tokens_out != UNKNOWN:
        exchange.tokens_out = signs.tokens_out
        exchange.flags |= FLAG_TOKENS_FROM_USAGE
