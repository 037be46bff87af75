from __future__ import annotations

import errno
import socket
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import urllib3
from urllib3.util.retry import RequestHistory

from harness.engine.exchange import Exchange, Request
from harness.engine.requests_seen import judge_event, silent_retries
from harness.results import Outcome, Reason


def judged(status: int = 0, exception: object = None, length: object = 10) -> Exchange:
    exchange = Exchange(Request(b"", b""))
    response = SimpleNamespace(status_code=status) if status else None
    judge_event(exchange, {"response": response, "exception": exception, "response_length": length})
    return exchange


def wrapped(cause: BaseException) -> requests.ConnectionError:
    """As requests wraps it: the reason of a retry error, in the arguments of its own."""
    pool = SimpleNamespace()
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/timeout", cause))  # type: ignore[arg-type]


CASES = [
    (200, None, Outcome.OK, Reason.NONE),
    (404, None, Outcome.OK, Reason.NONE),  # the task said that this is a success
    (429, requests.HTTPError("429"), Outcome.THROTTLED, Reason.NONE),
    (503, requests.HTTPError("503"), Outcome.SERVER_ERROR, Reason.NONE),
    (404, requests.HTTPError("404"), Outcome.CLIENT_ERROR, Reason.NONE),
    (200, ValueError("declined"), Outcome.WRONG_SHAPE, Reason.CHECK_FAILED),
    (200, "declined", Outcome.WRONG_SHAPE, Reason.CHECK_FAILED),
    (0, wrapped(ConnectionRefusedError(errno.ECONNREFUSED, "refused")), Outcome.REFUSED, Reason.NONE),
    (0, wrapped(OSError(errno.EADDRNOTAVAIL, "no ports")), Outcome.NOT_SENT, Reason.CLIENT_PORTS),
    (0, wrapped(OSError(errno.EMFILE, "no descriptors")), Outcome.NOT_SENT, Reason.CLIENT_DESCRIPTORS),
    (0, requests.ReadTimeout("slow"), Outcome.TIMEOUT, Reason.NONE),
    (0, TimeoutError("timed out"), Outcome.TIMEOUT, Reason.NONE),
    (0, wrapped(ConnectionResetError(errno.ECONNRESET, "reset")), Outcome.RESET, Reason.NONE),
    (0, requests.exceptions.ChunkedEncodingError("Response ended prematurely"), Outcome.TRUNCATED, Reason.CUT_IN_BODY),
    (0, RuntimeError("odd"), Outcome.RESET, Reason.NONE),
]


@pytest.mark.parametrize(("status", "exception", "outcome", "reason"), CASES)
def test_every_end_is_told_apart(status: int, exception: object, outcome: Outcome, reason: Reason) -> None:
    exchange = judged(status, exception)
    assert (exchange.outcome, exchange.reason, exchange.status) == (outcome, reason, status)


@pytest.mark.parametrize("length", [None, -1, "x"])
def test_a_size_that_is_none_is_zero(length: object) -> None:
    assert judged(200, length=length).bytes_in == 0


def test_an_exception_that_wraps_itself_ends() -> None:
    error = ValueError("a")
    error.__cause__ = error
    assert judged(0, error).outcome is Outcome.RESET


def test_tries_that_urllib3_made_by_itself_are_counted() -> None:
    def history(*statuses: int | None) -> Any:
        entries = tuple(RequestHistory("GET", "/", None, status, None) for status in statuses)
        return SimpleNamespace(raw=SimpleNamespace(retries=urllib3.Retry(history=entries)))

    assert silent_retries(history()) == 0
    assert silent_retries(history(None, None)) == 2  # the connection broke
    assert silent_retries(history(503, 429)) == 2
    assert silent_retries(history(302)) == 0, "a redirect is no retry"
    for none in (
        None,
        SimpleNamespace(),
        SimpleNamespace(raw=None),
        SimpleNamespace(raw=SimpleNamespace(retries=None)),
    ):
        assert silent_retries(none) == 0


@pytest.mark.e2e
def test_a_client_told_to_retry_is_seen_to_have_done_so() -> None:
    """By requests itself over a real adapter: what the unit test assumes of urllib3's history must hold."""

    def serve() -> None:
        for status in (b"503 No", b"503 No", b"200 OK"):
            peer, _ = listener.accept()
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
            peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        with requests.Session() as session:
            retries = urllib3.Retry(total=3, status_forcelist=[503], backoff_factor=0)
            session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
            response = session.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=10)
    assert response.status_code == 200
    assert silent_retries(response) == 2
