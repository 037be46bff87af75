"""What a response's head means: framing, encoding, keep-alive, the signals the plan asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.engine.exchange import Exchange, Told
from harness.engine.job import DegradedSignal, EngineJob
from harness.engine.transport.answers import Judgement, judge_status

HEAD_LIMIT_BYTES = 64 * 1024
CLOSE_DELIMITED = -1
CHUNKED = -2
_NO_LENGTH = -3
_CACHED_HEADS = 256
_CACHED_HEAD_BYTES = 2048
_CACHED_ANSWER_BYTES = 1024
_FORGETS = 20


@dataclass(frozen=True, slots=True)
class Head:
    """One response head, read once. `length` counts body bytes; or it is CLOSE_DELIMITED or CHUNKED."""

    status: int
    length: int
    keep_alive: bool
    encoding: str
    json: bool
    degraded: int
    served_by: str
    judged: Judgement | None
    """The outcome that the status decides; None where the body does."""
    plain_length: int
    """`length` where the body comes as it is, without an encoding; below any length otherwise."""
    marked: bool
    """It says something about who served it, and how."""


class HeadReader:
    """Turns header lines into a `Head`, and remembers those that it has seen.

    The memory holds raw bytes that llhttp has already parsed: servers repeat their heads to the byte (but for `Date`,
    once a second), and to look one up costs a hundredth of parsing it. Bounded in number and size.
    """

    def __init__(self, degraded: tuple[DegradedSignal, ...], served_by_header: str) -> None:
        self._degraded = tuple((s.name.lower().encode(), s.equals.strip().encode()) for s in degraded)
        self._served_by = served_by_header.lower().encode()
        self.known: dict[bytes, Head] = {}
        self.told: dict[bytes, Told] = {}
        """Whole answers to plain requests, head and body: what the same bytes say again."""
        self._told_before = 0

    @classmethod
    def of(cls, job: EngineJob) -> HeadReader:
        return cls(job.degraded, job.served_by_header)

    def read(self, status: int, version: str, headers: list[tuple[bytes, bytes]]) -> Head:
        """`headers` as they came, names lower-cased. llhttp has refused contradictory framing before."""
        first: dict[bytes, bytes] = {}
        for name, value in headers:
            first[name] = first[name] + b"," + value if name in first else value
        coding = first.get(b"transfer-encoding", b"").lower()
        length = first.get(b"content-length", b"").partition(b",")[0].strip()
        if status in (204, 304):
            body = 0
        elif coding:
            body = CHUNKED if coding.rpartition(b",")[2].strip() == b"chunked" else CLOSE_DELIMITED
        else:
            body = int(length) if length else CLOSE_DELIMITED
        tokens = {t.strip() for t in first.get(b"connection", b"").lower().split(b",")}
        kept = b"close" not in tokens if version == "1.1" else b"keep-alive" in tokens
        kind = first.get(b"content-type", b"").lower().partition(b";")[0].strip()
        encoding = first.get(b"content-encoding", b"").strip().lower()
        degraded = self._find_degraded(first)
        served_by = first.get(self._served_by, b"").decode("latin-1") if self._served_by else ""
        plain = encoding in (b"", b"identity")
        return Head(
            status=status,
            length=body,
            keep_alive=kept and body != CLOSE_DELIMITED,
            encoding="" if plain else encoding.decode("latin-1"),
            json=kind == b"application/json" or kind.endswith(b"+json"),
            degraded=degraded,
            served_by=served_by,
            judged=judge_status(status),
            plain_length=body if plain else _NO_LENGTH,
            marked=bool(degraded or served_by),
        )

    def remember(self, raw: bytes, head: Head) -> None:
        """`raw` ends with its empty line. One with bare line feeds is not kept: its end is ambiguous."""
        if len(raw) > _CACHED_HEAD_BYTES or raw.count(b"\n") != raw.count(b"\r\n"):
            return
        if len(self.known) >= _CACHED_HEADS:
            self.known.clear()
        self.known[raw] = head

    def remember_answer(self, raw: bytes, exchange: Exchange, keep_alive: bool) -> None:
        """`raw` is all of a plain exchange's answer, and was read as such. A target whose answers never repeat fills
        the memory again and again: after some times nothing is remembered any more."""
        if len(raw) > _CACHED_ANSWER_BYTES or self._told_before >= _FORGETS or exchange.written_by:
            return
        if len(self.told) >= _CACHED_HEADS:
            self.told.clear()
            self._told_before += 1
        body = raw[raw.find(b"\r\n\r\n") + 4 :]
        self.told[raw] = Told(exchange, body, keep_alive)

    def _find_degraded(self, headers: dict[bytes, bytes]) -> int:
        for index, (name, equals) in enumerate(self._degraded, start=1):
            value = headers.get(name)
            if value is not None and (
                not equals or equals in [v.strip() for v in value.split(b",")] or equals == value.strip()
            ):
                return index
        return 0
