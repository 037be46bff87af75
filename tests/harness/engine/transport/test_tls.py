"""TLS: who is not who they should be is refused, a stream over TLS reads the same, a cut without the alert is a cut."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.engine.exchange import Exchange, Request
from harness.engine.transport.tls import client_context
from harness.errors import UsageError
from harness.results import Outcome, Reason
from harness.results.row import FLAG_NEW_CONNECTION

KEYS = Path(__file__).parent / "tls"
CA = str(KEYS / "ca.pem")
OK = (Outcome.OK, Reason.NONE)
HI = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def server_context(*, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(KEYS / "server.pem")
    context.maximum_version = newest
    return context


def judged(exchange: Exchange) -> tuple[Outcome, Reason]:
    return exchange.outcome, exchange.reason


def echo(peer: Any) -> None:
    while peer.request():
        peer.answer(b"{}")


def test_a_ca_file_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        client_context(str(tmp_path / "nowhere.pem"))
    (tmp_path / "bad.pem").write_text("no certificate")
    with pytest.raises(UsageError, match="bad"):
        client_context(str(tmp_path / "bad.pem"))


def test_certificates_and_names_are_checked_always() -> None:
    context = client_context(CA)
    assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.e2e
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_share_a_connection(
    version: ssl.TLSVersion, serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    server = serve(echo, tls=server_context(newest=version))
    meeting = meet(server.url, ca_file=CA)
    assert meeting.warm(2) == 2
    for _ in range(20):
        for exchange in meeting.ask(Request(b"POST", b"/", body=b"x" * 100), Request(b"GET", b"/")):
            assert judged(exchange) == OK and not exchange.flags & FLAG_NEW_CONNECTION
    assert meeting.transport.connects == 2


@pytest.mark.e2e
def test_a_stream_and_a_large_request(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    def script(peer: Any) -> None:
        assert len(peer.request()) > 3_000_000
        peer.stream(*([HI] * 500), STOP)
        peer.send(b"0\r\n\r\n")
        peer.request()

    request = Request(b"POST", b"/", body=b"x" * 3_000_000, dialect="openai", stream=True)
    (exchange,) = meet(serve(script, tls=server_context()).url, ca_file=CA).ask(request)
    assert judged(exchange) == OK and exchange.events == 500


@pytest.mark.e2e
def test_an_unknown_authority_or_a_wrong_name_is_refused(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    url = serve(echo, tls=server_context()).url
    stranger = meet(url)
    assert judged(stranger.ask(Request(b"GET", b"/"))[0]) == (Outcome.REFUSED, Reason.TLS)
    assert stranger.warm(2) == 0
    elsewhere = serve(echo, host="127.0.0.2", tls=server_context())
    assert judged(meet(elsewhere.url, ca_file=CA).ask(Request(b"GET", b"/"))[0]) == (Outcome.REFUSED, Reason.TLS)


@pytest.mark.e2e
def test_a_server_without_tls_and_one_that_never_finishes(serve: Callable[..., Any], meet: Callable[..., Any]) -> None:
    def plain(peer: Any) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.request()

    def mute(peer: Any) -> None:
        peer.sock.recv(5000)
        time.sleep(1)

    url = serve(plain).url.replace("http:", "https:")
    assert judged(meet(url, ca_file=CA).ask(Request(b"GET", b"/"))[0]) == (Outcome.REFUSED, Reason.TLS)
    url = serve(mute).url.replace("http:", "https:")
    (exchange,) = meet(url, ca_file=CA, deadline_s=0.3).ask(Request(b"GET", b"/"))
    assert judged(exchange) == (Outcome.TIMEOUT, Reason.DEADLINE)


@pytest.mark.e2e
@pytest.mark.parametrize("polite", [True, False])
def test_a_body_until_close_needs_the_closing_alert(
    polite: bool, serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    def script(peer: Any) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + HI + STOP)
        if polite:
            peer.sock.unwrap()

    request = Request(b"GET", b"/", dialect="openai", stream=True)
    (exchange,) = meet(serve(script, tls=server_context()).url, ca_file=CA).ask(request)
    assert judged(exchange) == (OK if polite else (Outcome.TRUNCATED, Reason.CUT_IN_BODY))


PATCHED = """
import sys, time
import locust  # patches sockets, ssl, threads and time
import gevent
from gevent import monkey
assert monkey.is_module_patched("socket")
from gevent.event import Event
from harness.engine.exchange import Request
from harness.engine.job import EngineJob
from harness.engine.transport import Transport
url, ca = sys.argv[1:]
job = EngineJob(run_id="t", target=url, allow_hosts=(), journeys=(), phases=(), ca_file=ca)
transport, over, ended = Transport(job, gevent.get_hub()), Event(), []
def done(exchange):
    ended.append(exchange)
    if len(ended) == 20: over.set()
for _ in range(20):
    transport.send(Request(b"POST", b"/", body=b"x"), done)
over.wait(10)
transport.close()
print([e.outcome.label for e in ended].count("ok"), transport.connects)
"""


@pytest.mark.e2e
@pytest.mark.parametrize("secure", [False, True])
def test_it_works_under_locusts_patches(secure: bool, serve: Callable[..., Any]) -> None:
    url = serve(echo, tls=server_context() if secure else None).url
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PATCHED, url, CA],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert out.stdout.split() == ["20", "20"], out.stderr
