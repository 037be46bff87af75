"""The memory of heads: what it finds is what llhttp read, and what llhttp would refuse is never found."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

import pytest

from mock_services.server import Admission, Connection, Head, Peer, Request, Response
from mock_services.server import head as module
from mock_services.server.head import Heads

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
GET = b"GET /a%20b?q=1 HTTP/1.1\r\nhost: x\r\nx-peakproof-run: 7f3k\r\n\r\n"


def numbered(seq: object, body: bytes = b"{}", trace: str = TRACE) -> bytes:
    """As the engine writes it."""
    lines = ["POST /v1/chat HTTP/1.1", "host: x", "x-peakproof-run: 7f3k", f"traceparent: {trace}"]
    lines += [f"x-peakproof-seq: {seq}", f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.said = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.said += data

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> Wire:
        return self

    def get_write_buffer_size(self) -> int:
        return 0

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self.closed = True

    abort = close


class Witness:
    """An app that keeps the requests as they came."""

    def __init__(self) -> None:
        self.seen: list[Request] = []

    def admit(self, peer: Peer) -> Admission:
        return Admission.SERVE

    def left(self, peer: Peer) -> None:
        pass

    def finished(self, request: Request) -> None:
        pass

    def answer(self, request: Request) -> Any:
        self.seen.append(request)
        return Response(200, b"{}")


class Desk:
    """A connection without a socket, and whatever its port remembers."""

    def __init__(self, heads: Heads, loop: asyncio.AbstractEventLoop) -> None:
        self.app, self.wire = Witness(), Wire()
        self.connection = Connection(self.app, loop, heads)
        self.connection.connection_made(cast(asyncio.Transport, self.wire))

    def told(self, *reads: bytes) -> list[tuple[object, ...]]:
        for data in reads:
            self.connection.data_received(data)
        return [
            (r.method, r.path, r.query_string, dict(r.headers), r.body, r.record.run, r.record.seq)
            for r in self.app.seen
        ]


class NoMemory(Heads):
    def find(self, data: bytes) -> Head | None:
        return None


def with_loop(body: Any) -> Any:
    async def main() -> Any:
        return body(asyncio.get_running_loop())

    return asyncio.run(main())


@pytest.mark.parametrize(
    "data", [GET, numbered(17), numbered(17, b""), numbered(17).replace(b"traceparent", b"x-other")]
)
def test_what_came_before_is_known(data: bytes) -> None:
    def body(loop: asyncio.AbstractEventLoop) -> None:
        heads = Heads()
        assert heads.find(data) is None
        (first,) = Desk(heads, loop).told(data)
        assert heads.find(data) is not None
        assert Desk(heads, loop).told(data) == [first]

    with_loop(body)


def test_the_numbers_of_a_run_do_not_make_another_head() -> None:
    def body(loop: asyncio.AbstractEventLoop) -> None:
        heads = Heads()
        Desk(heads, loop).told(numbered(1))
        other = numbered(20_000, trace=TRACE.replace("b7", "00"))
        head = heads.find(other)
        assert head is not None and head.seq == "20000" and head.run == "7f3k"
        assert head.headers[b"x-peakproof-seq"] == b"20000" and head.headers[b"traceparent"][36:38] == b"00"
        assert Desk(heads, loop).told(other) == Desk(NoMemory(), loop).told(other)

    with_loop(body)


@pytest.mark.parametrize(
    "data",
    [
        numbered("1x"),
        numbered("1\r\nx-peakproof-seq: 2"),
        numbered("1\r\nX-Peakproof-Seq: 1"),
        numbered("1\r\ntransfer-encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n").replace(b"content-length: 12\r\n", b""),
        numbered("1\r\nexpect: 100-continue"),
        numbered("1\r\nconnection: close"),
        numbered("1\r\nconnection: upgrade\r\nupgrade: h2c"),
        GET.replace(b"\r\nhost", b"\nhost"),
        b"\r\n" + GET,
        GET + GET,
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"7f3k", b"7" * module.KNOWN_HEAD_BYTES),
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(data: bytes) -> None:
    def body(loop: asyncio.AbstractEventLoop) -> None:
        heads = Heads()
        first = Desk(heads, loop).told(data)
        again = Desk(heads, loop)
        assert again.told(data) == first
        if b"x-peakproof-seq: 1x" not in data:  # a number that is none is a head of its own
            assert heads.find(data) is None

    with_loop(body)


def test_a_known_head_with_another_length_of_body_is_read_by_the_parser() -> None:
    def body(loop: asyncio.AbstractEventLoop) -> None:
        heads = Heads()
        whole = numbered(1, b'{"a":1}')
        Desk(heads, loop).told(whole)
        desk = Desk(heads, loop)
        assert desk.told(whole[:-3]) == []
        assert [told[4] for told in desk.told(whole[-3:])] == [b'{"a":1}']
        assert [told[4] for told in Desk(heads, loop).told(whole + whole)] == [b'{"a":1}'] * 2

    with_loop(body)


def test_no_read_is_taken_for_another_request_than_the_parser_takes_it_for() -> None:
    """Mutations of requests that are known, in reads of any size: the same requests, the same refusals."""

    def body(loop: asyncio.AbstractEventLoop) -> None:
        rng = random.Random(11)
        plain = [GET, numbered(7), numbered(8, b'{"a": "' + b"x" * 50 + b'"}')]
        for _ in range(400):
            data = bytearray(rng.choice(plain))
            for _ in range(rng.randint(0, 3)):
                spot = rng.randrange(len(data))
                data[spot : spot + rng.randint(0, 2)] = rng.choice([b"", b"\r\n", b"\n", b" ", b"9", b"\0", b":", b"-"])
            reads = [bytes(data)] if rng.random() < 0.7 else [bytes(data[:20]), bytes(data[20:])]
            reads.append(rng.choice(plain))
            heads = Heads()
            for one in plain:
                Desk(heads, loop).told(one)
            Desk(heads, loop).told(*reads)
            knowing, parsing = Desk(heads, loop), Desk(NoMemory(), loop)
            assert knowing.told(*reads) == parsing.told(*reads), reads
            assert knowing.wire.said == parsing.wire.said, reads

    with_loop(body)


def test_the_memory_is_bounded_and_gives_up_where_heads_never_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_LIMIT", 4)
    heads = Heads()
    for number in range(4 * 30):
        data = GET.replace(b"q=1", b"q=%d" % number)
        heads.remember(data, Head("GET", f"/a?q={number}", {}, True))
        assert len(heads._known) <= 4
    assert heads.find(data) is None
