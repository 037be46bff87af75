"""HTTP responses as a hostile server sends them, in any split, give one outcome and always the same one."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.engine.exchange import Exchange, Request
from harness.engine.job import DegradedSignal
from harness.engine.transport.head import HEAD_LIMIT_BYTES, HeadReader
from harness.engine.transport.response import Ending, ResponseReader
from harness.results import Outcome, Reason
from harness.results.row import FLAG_STREAMED

LIMIT = 100_000
OK = (Outcome.OK, Reason.NONE)
CHAT = json.dumps(
    {
        "model": "m-1",
        "choices": [{"message": {"role": "assistant", "content": "Hello n0nce"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
).encode()
EVENTS = (
    b'data: {"model":"m-1","choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"\xc3\xbc"},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def heads() -> HeadReader:
    return HeadReader((DegradedSignal("x-degraded"), DegradedSignal("x-served-by", "fallback")), "x-served-by")


def reader(memory: HeadReader | None = None) -> ResponseReader:
    return ResponseReader(memory or heads(), LIMIT, (b"grpc-status", b"x-err"))


def answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = b"".join(h + b"\r\n" for h in headers)
    return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b" % (
        status,
        lines,
        len(body),
        body,
    )


def chunked(
    body: bytes, *headers: bytes, size: int = 7, trailers: bytes = b"", kind: bytes = b"text/event-stream"
) -> bytes:
    lines = b"".join(h + b"\r\n" for h in headers)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in (body[i : i + size] for i in range(0, len(body), size)))
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%bTransfer-Encoding: chunked\r\n\r\n%b0\r\n%b\r\n" % (
        kind,
        lines,
        chunks,
        trailers,
    )


def read(
    data: bytes | Iterable[bytes],
    *,
    ending: Ending | None = None,
    using: ResponseReader | None = None,
    dialect: str = "openai",
    stream: bool = False,
    method: bytes = b"POST",
    nonce: bytes = b"",
    keep_body: bool = False,
) -> tuple[Exchange, ResponseReader]:
    """Feed until it is over; `ending` is how the connection ends if it is not."""
    r = using or reader()
    exchange = Exchange(Request(method, b"/", dialect=dialect, stream=stream, nonce=nonce, keep_body=keep_body))
    r.exchange = exchange
    for i, piece in enumerate([data] if isinstance(data, bytes) else data, start=1):
        if r.feed(piece, i):
            return exchange, r
    assert ending is not None, "the message is not over"
    r.end(ending, 99)
    return exchange, r


def judged(exchange: Exchange) -> tuple[Outcome, Reason]:
    return exchange.outcome, exchange.reason


def facts(exchange: Exchange, r: ResponseReader) -> tuple[object, ...]:
    names = "outcome reason status bytes_in events tokens_in tokens_out degraded served_by body flags finish_reason"
    return (*(getattr(exchange, n) for n in names.split()), r.reusable)


MESSAGES = {
    "length": (answer(CHAT), {}),
    "length-again": (answer(CHAT, b"Date: x"), {"keep_body": True}),
    "nothing": (b"HTTP/1.1 204 No Content\r\n\r\n", {"dialect": "json"}),
    "empty-throttle": (answer(b"", status=b"429 Too Many"), {"stream": True}),
    "error-body": (answer(b'{"error":{}}', status=b"500 Oh"), {"stream": True}),
    "chunked": (chunked(CHAT, kind=b"application/json"), {}),
    "gzip": (answer(gzip.compress(CHAT), b"Content-Encoding: gzip"), {"keep_body": True, "nonce": b"n0nce"}),
    "two-gzips": (answer(gzip.compress(CHAT[:9]) + gzip.compress(CHAT[9:]), b"Content-Encoding: gzip"), {}),
    "deflate": (answer(zlib.compress(CHAT), b"Content-Encoding: deflate"), {}),
    "raw-deflate": (answer(zlib.compress(CHAT)[2:-4], b"Content-Encoding: deflate"), {}),
    "stream": (chunked(EVENTS), {"stream": True}),
    "stream-one-chunk": (chunked(EVENTS, size=10_000), {"stream": True, "keep_body": True}),
    "stream-of-length": (answer(EVENTS).replace(b"application/json", b"text/event-stream"), {"stream": True}),
    "gzip-stream": (chunked(gzip.compress(EVENTS), b"Content-Encoding: gzip", size=11), {"stream": True}),
    "interim": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(CHAT), {}),
    "trailers": (chunked(EVENTS, b"Trailer: grpc-status", trailers=b"grpc-status: 0\r\n"), {"stream": True}),
    "bad-trailer": (chunked(EVENTS, b"Trailer: X-Err", trailers=b"X-Err: lost\r\n"), {"stream": True}),
    "close": (answer(CHAT, b"Connection: close"), {}),
    "old": (answer(CHAT).replace(b"HTTP/1.1", b"HTTP/1.0"), {}),
    "degraded": (answer(CHAT, b"X-Served-By: fallback"), {}),
}


@pytest.mark.parametrize("name", MESSAGES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_split_gives_the_same_result(name: str, data: st.DataObject) -> None:
    """Whether the head is new or has been seen before, and whatever came on the connection before it."""
    whole, how = MESSAGES[name]
    expected = facts(*read(whole, **how))
    memory = heads()
    used = reader(memory)
    for _ in range(3):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
        pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if b > a]
        exchange, used = read(pieces, using=used, **how)
        assert facts(exchange, used) == expected
        if not used.reusable:
            used = reader(memory)


ODD_CHUNKS = (
    chunked(EVENTS)
    .replace(b"\r\n7\r\n", b"\r\n07\r\n", 3)
    .replace(b"\r\n7\r\n", b"\r\n7;name=x\r\n", 5)
    .replace(b"0\r\n\r\n", b"000\r\n\r\n")
)


@pytest.mark.parametrize("whole", [chunked(EVENTS), chunked(EVENTS, size=13), ODD_CHUNKS, chunked(EVENTS, size=2000)])
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_chunk_in_a_read_of_its_own_is_read_as_llhttp_reads_it(whole: bytes, data: st.DataObject) -> None:
    """Between chunks the parser is spared; a byte that is wrong anywhere must be found all the same."""
    message = bytearray(whole)
    begin = whole.index(b"\r\n\r\n") + 4
    if data.draw(st.booleans()):
        at = data.draw(st.integers(begin, len(whole) - 1))
        message[at] = data.draw(st.sampled_from(b"0179afAF;\r\n x-"))
    step = data.draw(st.sampled_from([1, 3, 10, 12, 16, 24, 36]))
    pieces = [bytes(message[:begin])] + [bytes(message[at : at + step]) for at in range(begin, len(message), step)]
    by_piece, _ = read(pieces, ending=Ending.CLEAN, stream=True)
    at_once, _ = read([bytes(message)], ending=Ending.CLEAN, stream=True)
    assert (judged(by_piece), by_piece.events, by_piece.finish_reason) == (
        judged(at_once),
        at_once.events,
        at_once.finish_reason,
    )


@pytest.mark.parametrize("name", MESSAGES)
def test_cut_short_at_any_byte_is_never_a_success(name: str) -> None:
    whole, how = MESSAGES[name]
    memory = heads()
    read(whole, using=reader(memory), **how)  # the memory of heads must not help a cut message
    for end in range(len(whole)):
        for ending in Ending:
            exchange, r = read([whole[:end]] if end else [], ending=ending, using=reader(memory), **how)
            assert not exchange.outcome.is_success, (end, ending)
            assert not r.reusable


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_garbage_never_raises(garbage: bytes) -> None:
    for data in (
        garbage,
        b"HTTP/1.1 200 OK\r\n" + garbage,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + garbage,
    ):
        exchange, _ = read([data] if data else [], ending=Ending.CLEAN)
        assert exchange.outcome is not Outcome.NOT_SENT
        assert not exchange.outcome.is_success


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("length", OK),
        ("nothing", OK),
        ("empty-throttle", (Outcome.THROTTLED, Reason.NONE)),
        ("error-body", (Outcome.SERVER_ERROR, Reason.NONE)),
        ("gzip", OK),
        ("two-gzips", OK),
        ("deflate", OK),
        ("raw-deflate", OK),
        ("stream", OK),
        ("stream-of-length", OK),
        ("gzip-stream", OK),
        ("interim", OK),
        ("trailers", OK),
        ("bad-trailer", (Outcome.SERVER_ERROR, Reason.TRAILER_ERROR)),
        ("close", OK),
        ("old", OK),
        ("degraded", (Outcome.DEGRADED, Reason.NONE)),
    ],
)
def test_whole_messages(name: str, expected: object) -> None:
    whole, how = MESSAGES[name]
    exchange, r = read(whole, **how)
    assert judged(exchange) == expected
    assert r.reusable is (name not in ("close", "old"))
    assert bool(exchange.flags & FLAG_STREAMED) is ("stream" in name or "trailer" in name)


def test_usage_model_and_body_are_kept() -> None:
    exchange, _ = read(answer(CHAT), keep_body=True)
    assert (exchange.tokens_in, exchange.tokens_out, exchange.served_by) == (3, 2, "m-1")
    assert exchange.body == CHAT
    assert read(answer(CHAT))[0].body == b""


def test_degraded_signals_count_from_one_in_the_jobs_order() -> None:
    assert read(answer(CHAT, b"X-Degraded: no-tools, cached"))[0].degraded == 1
    exchange, _ = read(answer(CHAT, b"X-Served-By: fallback"))
    assert (exchange.degraded, exchange.served_by) == (2, "fallback")
    assert read(answer(CHAT, b"X-Served-By: primary"))[0].degraded == 0
    failed, _ = read(answer(b"", b"X-Degraded: y", status=b"503 No"))
    assert (failed.outcome, failed.degraded) == (Outcome.SERVER_ERROR, 1)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (b"429 x", (Outcome.THROTTLED, Reason.NONE)),
        (b"529 x", (Outcome.SERVER_ERROR, Reason.NONE)),
        (b"503 x", (Outcome.SERVER_ERROR, Reason.NONE)),
        (b"404 x", (Outcome.CLIENT_ERROR, Reason.NONE)),
        (b"302 x", (Outcome.CLIENT_ERROR, Reason.REDIRECT)),
    ],
)
def test_status_decides_even_over_a_broken_body(status: bytes, expected: object) -> None:
    assert judged(read(answer(CHAT, status=status))[0]) == expected
    assert judged(read(answer(b"xx", b"Content-Encoding: gzip", status=status))[0]) == expected
    assert judged(read(answer(CHAT, status=status)[:-3], ending=Ending.CLEAN)[0]) == expected


@pytest.mark.parametrize(
    ("body", "how", "expected"),
    [
        (b'{"error":{"message":"x"}}', {}, (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR)),
        (b'{"error":{"type":"rate_limit_error"}}', {"dialect": "anthropic"}, (Outcome.THROTTLED, Reason.IN_BAND_ERROR)),
        (b'{"status":{"error":"Wrong input"}}', {"dialect": "json"}, (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR)),
        (b'{"error":{"message":"x"}}', {"stream": True}, (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR)),
        (
            b'[{"error":{"code":503,"status":"UNAVAILABLE"}}]',
            {"dialect": "gemini"},
            (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR),
        ),
        (b'{"choices":[]}', {}, (Outcome.WRONG_SHAPE, Reason.NONE)),
        (b'{"choices":[{"message":{"content":""}}]}', {}, (Outcome.WRONG_SHAPE, Reason.NONE)),
        (b'{"data":[{"embedding":[0.1]}]}', {}, OK),
        (b'{"data":[]}', {}, (Outcome.WRONG_SHAPE, Reason.NONE)),
        (b'{"content":[{"type":"text","text":"a"}]}', {"dialect": "anthropic"}, OK),
        (b'{"content":[]}', {"dialect": "anthropic"}, (Outcome.WRONG_SHAPE, Reason.NONE)),
        (
            b'{"status":"completed","output":[{"type":"message","content":[{"text":"a"}]}]}',
            {"dialect": "responses"},
            OK,
        ),
        (b'{"status":"failed","output":[]}', {"dialect": "responses"}, (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR)),
        (b'{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}', {"dialect": "gemini"}, OK),
        (b"<html>", {}, (Outcome.MALFORMED, Reason.BAD_EVENT)),
        (b"<html>", {"dialect": "json"}, (Outcome.MALFORMED, Reason.BAD_EVENT)),
        (b"<html>", {"dialect": "bytes"}, OK),
        (b"", {"dialect": "json"}, (Outcome.WRONG_SHAPE, Reason.NONE)),
        (b"", {}, (Outcome.WRONG_SHAPE, Reason.NONE)),
        (CHAT, {"stream": True}, (Outcome.WRONG_SHAPE, Reason.NONE)),
        (CHAT, {"nonce": b"n0nce"}, OK),
        (CHAT, {"nonce": b"other"}, (Outcome.WRONG_SHAPE, Reason.NONCE_MISSING)),
        (CHAT, {"nonce": b"m-1"}, (Outcome.WRONG_SHAPE, Reason.NONCE_MISSING)),
        (b'{"x":"n0nce"}', {"nonce": b"n0nce", "dialect": "json"}, OK),
        (b"zzz", {"nonce": b"n0nce", "dialect": "bytes"}, (Outcome.WRONG_SHAPE, Reason.NONCE_MISSING)),
    ],
)
def test_bodies_of_200(body: bytes, how: dict[str, object], expected: object) -> None:
    assert judged(read(answer(body), **how)[0]) == expected
    used = reader()
    assert judged(read(answer(body), using=used, **how)[0]) == expected
    assert judged(read(answer(body), using=used, **how)[0]) == expected, "by a known head, it is the same"


def test_the_four_cuts_of_a_stream_are_told_apart() -> None:
    cut = chunked(EVENTS)[:-40]
    short = chunked(EVENTS[:85])
    assert judged(read(cut, stream=True, ending=Ending.CLEAN)[0]) == (Outcome.TRUNCATED, Reason.CUT_IN_BODY)
    assert judged(read(cut, stream=True, ending=Ending.CUT)[0]) == (Outcome.TRUNCATED, Reason.CUT_IN_BODY)
    assert judged(read(cut, stream=True, ending=Ending.RESET)[0]) == (Outcome.TRUNCATED, Reason.RESET_IN_BODY)
    assert judged(read(short, stream=True)[0]) == (Outcome.TRUNCATED, Reason.NO_END_MARKER)


def test_a_body_without_framing_ends_with_the_connection() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    assert judged(read(head + EVENTS, stream=True, ending=Ending.CLEAN)[0]) == OK
    assert judged(read(head + EVENTS, stream=True, ending=Ending.CUT)[0]) == (Outcome.TRUNCATED, Reason.CUT_IN_BODY)
    assert judged(read(head + EVENTS, stream=True, ending=Ending.RESET)[0]) == (Outcome.TRUNCATED, Reason.RESET_IN_BODY)
    assert judged(read(head + EVENTS[:85], stream=True, ending=Ending.CLEAN)[0]) == (
        Outcome.TRUNCATED,
        Reason.NO_END_MARKER,
    )


def test_an_error_in_the_stream_is_not_hidden_by_the_cut_after_it() -> None:
    data = chunked(b'data: {"error":{"code":"rate_limit_exceeded"}}\n\n' + EVENTS)[:-10]
    assert judged(read(data, stream=True, ending=Ending.RESET)[0]) == (Outcome.THROTTLED, Reason.IN_BAND_ERROR)


def test_encodings_that_lie() -> None:
    whole = gzip.compress(CHAT * 20)
    short = answer(whole[:-20], b"Content-Encoding: gzip")
    assert judged(read(short, dialect="bytes")[0]) == (Outcome.TRUNCATED, Reason.SHORT_ENCODING)
    assert judged(read(answer(CHAT, b"Content-Encoding: gzip"))[0]) == (Outcome.MALFORMED, Reason.BAD_ENCODING)
    assert judged(read(answer(CHAT, b"Content-Encoding: br"))[0]) == (Outcome.MALFORMED, Reason.BAD_ENCODING)
    damaged = bytearray(gzip.compress(CHAT))
    damaged[-6] ^= 1  # the checksum
    assert judged(read(answer(bytes(damaged), b"Content-Encoding: gzip"))[0]) == (
        Outcome.MALFORMED,
        Reason.BAD_ENCODING,
    )


def test_bombs_and_bodies_beyond_the_cap() -> None:
    bomb = gzip.compress(b"0" * (LIMIT + 1))
    too_large = (Outcome.TOO_LARGE, Reason.BODY_CAP)
    for dialect in ("bytes", "json"):
        assert judged(read(answer(bomb, b"Content-Encoding: gzip"), dialect=dialect)[0]) == too_large
        assert judged(read(chunked(b"0" * (LIMIT + 1), size=5000), dialect=dialect)[0]) == too_large
        exchange, r = read(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1), dialect=dialect)
        assert judged(exchange) == too_large and not r.reusable
    fits = gzip.compress(b"0" * LIMIT)
    assert judged(read(answer(fits, b"Content-Encoding: gzip"), dialect="bytes")[0]) == OK
    flood = (b"5;%b\r\nhello\r\n" % (b"e" * 60_000) for _ in range(10**6))
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert judged(read((start, *(next(flood) for _ in range(20))), dialect="bytes")[0]) == too_large


@pytest.mark.parametrize(
    "flood",
    [
        [b"HTTP/1.1 200 OK\r\n"] + [b"x-%d: %b\r\n" % (i, b"y" * 1000) for i in range(200)],
        [b"HTTP/1.1 200 OK\r\nx: "] + [b"y" * 10_000 for _ in range(20)],
        [b"HTTP/1.1 100 Continue\r\n\r\n" for _ in range(20_000)],
        [chunked(b"hello")[:-2]] + [b"x-%d: %b\r\n" % (i, b"y" * 1000) for i in range(200)],
        [chunked(b"hello")[:-2], b"x: "] + [b"y" * 10_000 for _ in range(20)],
    ],
    ids=["many headers", "one header", "interim", "many trailers", "one trailer"],
)
def test_header_floods_are_cut(flood: list[bytes]) -> None:
    exchange, r = read(flood, dialect="bytes")
    assert judged(exchange) == (Outcome.TOO_LARGE, Reason.HEADER_CAP)
    assert exchange.bytes_in <= 10 * HEAD_LIMIT_BYTES and not r.reusable


def test_what_comes_after_the_message_spoils_the_connection_not_the_answer() -> None:
    used = reader()
    for _ in range(2):  # by llhttp, then by the known head
        exchange, _ = read(answer(CHAT) + b"HTTP/1.1 200 OK\r\n", using=used)
        assert judged(exchange) == OK and not used.reusable
        used = reader(used._heads)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_broken_http_is_malformed(data: bytes) -> None:
    assert judged(read(data)[0]) == (Outcome.MALFORMED, Reason.BAD_HTTP)


def test_head_requests_have_no_body() -> None:
    used = reader()
    for _ in range(2):
        exchange, _ = read(answer(CHAT).partition(CHAT)[0], method=b"HEAD", using=used)
        assert judged(exchange) == OK and not used.reusable
        used = reader(used._heads)


def test_memory_of_heads_is_bounded_and_never_keeps_an_ambiguous_one() -> None:
    memory = heads()
    for i in range(1000):
        read(answer(CHAT, b"x-id: %d" % i), using=reader(memory))
    assert 0 < len(memory.known) <= 256
    memory.remember(b"HTTP/1.1 200 OK\nx: y\r\n\r\n", next(iter(memory.known.values())))
    assert b"HTTP/1.1 200 OK\nx: y\r\n\r\n" not in memory.known
