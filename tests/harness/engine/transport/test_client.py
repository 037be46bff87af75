"""The transport against servers that lie, stall, drip, flood and vanish: real sockets on loopback, one outcome each."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from harness.engine.exchange import Exchange, Request
from harness.engine.job import DegradedSignal, EngineJob
from harness.engine.transport import Transport
from harness.engine.transport.addresses import Address
from harness.errors import UsageError
from harness.results import NEVER, Outcome, Reason
from harness.results.row import FLAG_NEW_CONNECTION, FLAG_RETRIED_ON_RACE, FLAG_STREAMED

pytestmark = pytest.mark.e2e

OK = (Outcome.OK, Reason.NONE)
HI = b'data: {"model":"m-1","choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def ask(**fields: Any) -> Request:
    return Request(
        b"POST", b"/v1/x", b"content-type: application/json\r\n", b'{"q": 1}', **{"dialect": "json", **fields}
    )


def chat(**fields: Any) -> Request:
    return ask(dialect="openai", stream=True, **fields)


def judged(exchange: Exchange) -> tuple[Outcome, Reason]:
    return exchange.outcome, exchange.reason


def echo(peer: Any) -> None:
    """A good server: answers every request with its number in the body."""
    while request := peer.request():
        seq = request.partition(b"x-peakproof-seq: ")[2].partition(b"\r\n")[0]
        peer.answer(b'{"seq": %b}' % seq)


def test_many_requests_share_few_connections(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    server = serve(echo)
    meeting = meet(server.url)
    assert meeting.warm(4) == 4
    for _ in range(50):
        for exchange in meeting.ask(*(ask(seq=i, keep_body=True) for i in range(4))):
            assert judged(exchange) == OK
            assert json.loads(exchange.body) == {"seq": exchange.request.seq}, "answers belong to their requests"
            assert 0 < exchange.sent_ns <= exchange.finished_ns
            assert exchange.attempts == 1 and not exchange.flags & FLAG_NEW_CONNECTION
    assert meeting.transport.connects == server.connections == 4


def test_concurrency_opens_connections_and_says_so(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    meeting = meet(serve(echo).url)
    assert all(e.flags & FLAG_NEW_CONNECTION and judged(e) == OK for e in meeting.ask(*(ask() for _ in range(20))))
    assert meeting.transport.connects == 20
    assert not meeting.ask(ask())[0].flags & FLAG_NEW_CONNECTION


def test_a_stream_is_timed_as_it_arrives(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    def script(peer: Any) -> None:
        peer.request()
        peer.stream(b": hello\n\n", b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n')
        time.sleep(0.3)
        peer.chunk(HI)
        time.sleep(0.2)
        peer.chunk(HI[:50])
        peer.chunk(HI[50:] + STOP)
        peer.send(b"0\r\n\r\n")
        peer.request()

    (exchange,) = meet(serve(script).url).ask(chat())
    assert judged(exchange) == OK
    assert exchange.flags & FLAG_STREAMED
    assert exchange.events == 2
    assert 0.29 < (exchange.first_token_ns - exchange.sent_ns) / 1e9 < 1.5
    assert 0.19 < exchange.max_gap_ns / 1e9 < 1.2
    assert exchange.first_token_ns < exchange.last_token_ns <= exchange.finished_ns
    assert exchange.finish_reason == "stop" and exchange.served_by == "m-1"


def test_an_answer_that_repeats_to_the_byte_says_the_same_again(
    serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    kinds = [("200 OK", b"x-served-by: b\r\n"), ("503 No", b""), ("200 OK", b"x-degraded: yes\r\n")]

    def script(peer: Any) -> None:
        for number in itertools.count():
            if not peer.request():
                return
            status, headers = kinds[number % 3]
            peer.answer(b"hello", status, headers)

    degraded = (DegradedSignal("x-degraded"),)
    meeting = meet(serve(script).url, degraded=degraded)

    def facts(exchange: Exchange) -> tuple[Any, ...]:
        names = ("outcome", "reason", "status", "bytes_in", "served_by", "degraded", "body", "attempts")
        return tuple(getattr(exchange, name) for name in names)

    seen = [meeting.ask(ask(dialect="bytes", keep_body=True))[0] for _ in range(12)]
    assert [e.told is not None for e in seen] == [False] * 6 + [True] * 6, "first the head, then all"
    assert [facts(e) for e in seen[3:]] == [facts(e) for e in seen[:3]] * 3
    assert [e.outcome for e in seen[:3]] == [Outcome.OK, Outcome.SERVER_ERROR, Outcome.DEGRADED]
    assert all(e.sent_ns < e.finished_ns for e in seen)
    assert meeting.ask(ask(dialect="bytes", nonce=b"elsewhere"))[0].reason is Reason.NONCE_MISSING


def test_a_known_answer_in_two_reads_is_read_as_any_other(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    def script(peer: Any) -> None:
        for split in (False, False, False, True):
            peer.request()
            if not split:
                peer.answer(b"hello")
                continue
            peer.send(b"HTTP/1.1 200 OK\r\n")
            time.sleep(0.1)
            peer.send(b"content-type: application/json\r\ncontent-length: 5\r\n\r\nhello")
        peer.request()

    meeting = meet(serve(script).url)
    exchanges = [meeting.ask(ask(dialect="bytes"))[0] for _ in range(4)]
    assert {judged(e) for e in exchanges} == {OK}
    assert [e.told is None for e in exchanges] == [True, True, False, True]
    assert exchanges[0].bytes_in == exchanges[3].bytes_in


def test_utf8_split_between_segments(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    event = 'data: {"choices":[{"delta":{"content":"n0nce — ü“"},"finish_reason":null}]}\n\n'.encode()

    def script(peer: Any) -> None:
        peer.request()
        peer.stream(*(event[i : i + 1] for i in range(len(event))), STOP)
        peer.send(b"0\r\n\r\n")
        peer.request()

    (exchange,) = meet(serve(script).url).ask(chat(nonce="n0nce — ü".encode()))
    assert judged(exchange) == OK and exchange.events == 1


def cut_by_fin(peer: Any) -> None:
    peer.request()
    peer.stream(HI)


def cut_by_reset(peer: Any) -> None:
    peer.request()
    peer.stream(HI)
    time.sleep(0.1)
    peer.reset()


def cut_by_end(peer: Any) -> None:
    peer.request()
    peer.stream(HI)
    peer.send(b"0\r\n\r\n")
    peer.request()


def cut_by_silence(peer: Any) -> None:
    peer.request()
    peer.stream(HI)
    peer.request()


def close_at_once(peer: Any) -> None:
    peer.request()


def reset_at_once(peer: Any) -> None:
    peer.request()
    peer.reset()


def wrong_length(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}")


def truncated_gzip(peer: Any) -> None:
    peer.request()
    peer.answer(gzip.compress(b"[" + b"1," * 5000 + b"1]")[:-20], headers=b"content-encoding: gzip\r\n")


def bomb(peer: Any) -> None:
    peer.request()
    peer.answer(gzip.compress(b"0" * 5_000_000), headers=b"content-encoding: gzip\r\n")


def header_flood(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n")
    for i in range(1_000_000):
        peer.send(b"x-%d: %b\r\n" % (i, b"y" * 500))


def endless_body(peer: Any) -> None:
    peer.request()
    peer.stream()
    while True:
        peer.chunk(b"data: %b\n\n" % (b"x" * 8000))


def swapped(peer: Any) -> None:
    peer.request()
    peer.answer(b'{"echo": "somebody else"}')
    peer.request()


def redirect(peer: Any) -> None:
    peer.request()
    peer.answer(b"", status="302 Found", headers=b"location: http://192.0.2.1/login\r\n")
    peer.request()


def interim(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    time.sleep(0.05)
    peer.answer(b'{"n0nce": 1}')
    peer.request()


def bad_trailer(peer: Any) -> None:
    peer.request()
    peer.stream(HI, STOP, headers=b"trailer: x-err\r\n")
    peer.send(b"0\r\nx-err: lost the rest\r\n\r\n")
    peer.request()


def until_close(peer: Any) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", HI)
    time.sleep(0.05)
    peer.send(STOP)


def in_band_error(peer: Any) -> None:
    peer.request()
    peer.stream(HI, b'data: {"error": {"message": "boom", "code": 500}}\n\n', b"data: [DONE]\n\n")
    peer.send(b"0\r\n\r\n")
    peer.request()


def not_http(peer: Any) -> None:
    peer.send(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    peer.request()


@pytest.mark.parametrize(
    ("script", "request_", "expected"),
    [
        (cut_by_fin, chat(), (Outcome.TRUNCATED, Reason.CUT_IN_BODY)),
        (cut_by_reset, chat(), (Outcome.TRUNCATED, Reason.RESET_IN_BODY)),
        (cut_by_end, chat(), (Outcome.TRUNCATED, Reason.NO_END_MARKER)),
        (cut_by_silence, chat(), (Outcome.TIMEOUT, Reason.DEADLINE)),
        (close_at_once, ask(), (Outcome.RESET, Reason.NONE)),
        (reset_at_once, ask(), (Outcome.RESET, Reason.NONE)),
        (wrong_length, ask(), (Outcome.TRUNCATED, Reason.CUT_IN_BODY)),
        (truncated_gzip, ask(), (Outcome.TRUNCATED, Reason.SHORT_ENCODING)),
        (bomb, ask(), (Outcome.TOO_LARGE, Reason.BODY_CAP)),
        (header_flood, ask(), (Outcome.TOO_LARGE, Reason.HEADER_CAP)),
        (endless_body, ask(dialect="sse", stream=True), (Outcome.TOO_LARGE, Reason.BODY_CAP)),
        (swapped, ask(nonce=b"n0nce"), (Outcome.WRONG_SHAPE, Reason.NONCE_MISSING)),
        (redirect, ask(), (Outcome.CLIENT_ERROR, Reason.REDIRECT)),
        (interim, ask(nonce=b"n0nce"), OK),
        (bad_trailer, chat(), (Outcome.SERVER_ERROR, Reason.TRAILER_ERROR)),
        (until_close, chat(), OK),
        (in_band_error, chat(), (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR)),
        (not_http, ask(), (Outcome.MALFORMED, Reason.BAD_HTTP)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_hostile_servers(
    script: Any, request_: Request, expected: object, serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    meeting = meet(serve(script).url, deadline_s=1.0 if script is cut_by_silence else 9.0, body_limit_bytes=1_000_000)
    (exchange,) = meeting.ask(request_)
    assert judged(exchange) == expected
    assert exchange.attempts == 1
    assert exchange.finished_ns >= exchange.sent_ns > 0
    assert meeting.transport.in_flight == 0
    assert meeting.transport.client_failures == 0


@pytest.mark.parametrize("kind", ["drip the head", "drip the body", "endless stream", "never answer"])
def test_the_deadline_is_total(kind: str, serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    def script(peer: Any) -> None:
        peer.request()
        if kind == "drip the body":
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        elif kind == "endless stream":
            peer.stream(HI)
        for _ in itertools.count():
            time.sleep(0.02)
            if kind == "endless stream":
                peer.chunk(HI)
            elif kind != "never answer":
                peer.send(b"H")

    meeting = meet(serve(script).url, deadline_s=0.6)
    began = time.monotonic()
    (exchange,) = meeting.ask(chat() if kind == "endless stream" else ask())
    assert judged(exchange) == (Outcome.TIMEOUT, Reason.DEADLINE) or kind == "drip the head"
    if kind == "drip the head":  # `HHHH` is no HTTP, and llhttp says so at the second byte
        assert exchange.outcome in (Outcome.TIMEOUT, Outcome.MALFORMED)
        return
    assert 0.6 <= time.monotonic() - began < 2.0, "a loaded machine is late, a drip would never end"
    assert 0.6 <= (exchange.finished_ns - exchange.sent_ns) / 1e9 < 1.8
    if kind == "endless stream":
        assert exchange.events > 10 and exchange.first_token_ns != NEVER


def test_deadlines_of_single_requests_and_the_idle_limit(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    meeting = meet(serve(cut_by_silence).url, deadline_s=5.0, idle_limit_s=0.3)
    soon, idle = meeting.ask(ask(deadline_ns=time.monotonic_ns() + 100_000_000), chat())
    assert judged(soon) == (Outcome.TIMEOUT, Reason.DEADLINE)
    assert judged(idle) == (Outcome.TIMEOUT, Reason.IDLE)
    assert 0.28 <= (idle.finished_ns - idle.sent_ns) / 1e9 < 1.5


def test_before_the_first_byte_only_the_deadline_counts(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    def slow(peer: Any) -> None:
        peer.request()
        time.sleep(0.5)
        peer.answer(b"{}")
        peer.request()

    (exchange,) = meet(serve(slow).url, deadline_s=5.0, idle_limit_s=0.2).ask(ask())
    assert judged(exchange) == OK


def test_a_connection_that_the_server_closed_while_idle_is_not_used(
    serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    def once(peer: Any) -> None:
        peer.request()
        peer.answer(b"{}")

    meeting = meet(serve(once).url)
    for _ in range(3):
        (exchange,) = meeting.ask(ask())
        assert judged(exchange) == OK and exchange.attempts == 1
        gevent.sleep(0.05)
    assert meeting.transport.connects == 3


def test_the_reuse_race_is_forgiven_once_and_told(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    """The server closes just when the next request goes out: this process does not look at its loop in between."""

    def first_then_close(peer: Any) -> None:
        peer.request()
        peer.answer(b"{}")
        if peer.number == 1:
            time.sleep(0.1)
            return
        echo(peer)

    meeting = meet(serve(first_then_close).url)
    assert judged(meeting.ask(ask())[0]) == OK
    time.sleep(0.3)
    (exchange,) = meeting.ask(ask())
    assert judged(exchange) == OK
    assert exchange.attempts == 2
    assert exchange.flags & FLAG_RETRIED_ON_RACE
    assert meeting.transport.client_failures == 0


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_server_that_drops_requests_it_has_read_is_not_forgiven(
    how: str, serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    def drop_the_second(peer: Any) -> None:
        peer.request()
        peer.answer(b"{}")
        peer.request()
        if how == "reset":
            peer.reset()

    meeting = meet(serve(drop_the_second).url)
    assert judged(meeting.ask(ask())[0]) == OK
    (exchange,) = meeting.ask(ask())
    assert judged(exchange) == (Outcome.RESET, Reason.NONE)
    assert exchange.attempts == 1


def test_refused_and_unroutable(meet: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    meeting = meet(f"http://127.0.0.1:{port}")
    (exchange,) = meeting.ask(ask())
    assert judged(exchange) == (Outcome.REFUSED, Reason.NONE)
    assert exchange.sent_ns != NEVER and meeting.transport.client_failures == 0
    assert meeting.warm(3) == 0


def test_a_host_that_is_not_listed_is_never_connected_to(meet: Callable[..., Any]) -> None:
    meeting = meet("http://192.0.2.1:9")
    (exchange,) = meeting.ask(ask())
    assert judged(exchange) == (Outcome.NOT_SENT, Reason.NOT_ALLOWED)
    assert exchange.sent_ns == NEVER and exchange.attempts == 0
    assert meeting.transport.connects == 0
    assert meeting.warm(2) == 0


def test_a_name_that_does_not_resolve_is_our_failure(meet: Callable[..., Any]) -> None:
    meeting = meet("http://no-such-host.invalid")
    (exchange,) = meeting.ask(ask())
    assert judged(exchange) == (Outcome.NOT_SENT, Reason.CLIENT_DNS)
    assert meeting.transport.client_failures == 1


def test_out_of_descriptors_is_our_failure(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    import resource

    meeting = meet(serve(echo).url)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno(), hard))
        try:
            (exchange,) = meeting.ask(ask())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert judged(exchange) == (Outcome.NOT_SENT, Reason.CLIENT_DESCRIPTORS)
    assert meeting.transport.client_failures == 1


def test_addresses_take_turns_and_a_dead_one_is_skipped(serve: Callable[..., Any]) -> None:
    alive = [serve(echo, host=f"127.0.0.{i}") for i in (2, 3)]
    with socket.create_server(("127.0.0.4", 0)) as probe:
        dead = probe.getsockname()[1]
    found = [
        Address(socket.AF_INET, (f"127.0.0.{i}", p)) for i, p in ((2, alive[0].port), (3, alive[1].port), (4, dead))
    ]
    job = EngineJob(run_id="t", target="http://localhost:1", allow_hosts=(), journeys=(), phases=())
    transport = Transport(job, gevent.get_hub(), look_up=lambda host, port: found)
    ended: list[Exchange] = []
    for _ in range(30):
        transport.send(ask(), ended.append)
    with gevent.Timeout(10):
        while len(ended) < 30:
            gevent.sleep(0.01)
    transport.close()
    assert {judged(e) for e in ended} == {OK}
    assert all(10 <= server.connections <= 20 for server in alive)


def test_close_ends_everything_once(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    meeting = meet(serve(cut_by_silence).url)
    ended: list[Exchange] = []
    for _ in range(5):
        meeting.transport.send(chat(), ended.append)
    gevent.sleep(0.2)
    assert meeting.transport.in_flight == 5
    meeting.transport.close()
    meeting.transport.close()
    assert [judged(e) for e in ended] == [(Outcome.CANCELLED, Reason.STOPPED)] * 5
    assert all(e.first_token_ns != NEVER for e in ended)
    assert meeting.transport.in_flight == 0
    (late,) = meeting.ask(ask())
    assert judged(late) == (Outcome.NOT_SENT, Reason.STOPPED)


def test_a_large_body_goes_out_whole_and_an_early_answer_counts(
    serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    seen: list[int] = []

    def script(peer: Any) -> None:
        seen.append(len(peer.request()))
        peer.answer(b"{}")
        peer.request()

    body = b"x" * 8_000_000
    (exchange,) = meet(serve(script).url).ask(Request(b"POST", b"/", body=body))
    assert judged(exchange) == OK and seen[0] > len(body)

    def impatient(peer: Any) -> None:
        peer.sock.recv(100)
        peer.answer(b"{}", status="413 Too Large", headers=b"connection: close\r\n")
        time.sleep(0.3)

    (exchange,) = meet(serve(impatient).url).ask(Request(b"POST", b"/", body=body))
    assert judged(exchange) == (Outcome.CLIENT_ERROR, Reason.NONE) and exchange.status == 413


def test_ipv6(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    seen: list[bytes] = []

    def script(peer: Any) -> None:
        seen.append(peer.request())
        peer.answer(b"{}")
        peer.request()

    server = serve(script, host="::1")
    assert judged(meet(server.url).ask(ask())[0]) == OK
    assert b"host: [::1]:%d\r\n" % server.port in seen[0]


def test_an_unknown_dialect_or_target_is_said_at_once(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    meeting = meet(serve(echo).url)
    with pytest.raises(ValueError, match="unknown dialect"):
        meeting.transport.send(ask(dialect="klingon"), lambda exchange: None)
    assert meeting.transport.in_flight == 0
    with pytest.raises(UsageError):
        meet("gopher://x")
