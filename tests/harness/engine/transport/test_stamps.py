"""The kernel's stamps say when bytes came, however late they are read."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from harness.engine.exchange import Exchange, Request
from harness.engine.transport.stamps import ask_for_stamps, receive_stamped
from harness.results import Outcome


class Fake:
    """A socket whose packet came `lag_ns` ago by the wall clock."""

    def __init__(self, lag_ns: int, kind: int = 35) -> None:
        self._lag_ns, self._kind = lag_ns, kind

    def recvmsg(self, count: int, room: int) -> Any:
        came = time.time_ns() - self._lag_ns
        return b"x", [(socket.SOL_SOCKET, self._kind, struct.pack("=qq", *divmod(came, 10**9)))], 0, None


def test_the_lag_is_taken_off_the_reading() -> None:
    data, arrived_ns, lag_ns = receive_stamped(Fake(5_000_000_000), 10, lambda: 10**12)
    assert data == b"x" and arrived_ns == 10**12 - lag_ns
    assert 5 * 10**9 <= lag_ns < 6 * 10**9


@pytest.mark.parametrize("fake", [Fake(-(10**9)), Fake(3600 * 10**9), Fake(5, kind=1)])
def test_a_clock_that_was_set_is_not_believed(fake: Fake) -> None:
    assert receive_stamped(fake, 10, lambda: 10**12) == (b"x", 10**12, 0)


def test_a_real_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.connect(listener.getsockname())
        assert ask_for_stamps(client)
        server, _ = listener.accept()
        with server:
            before = time.monotonic_ns()
            server.sendall(b"hello")
            after = time.monotonic_ns()
            data, arrived_ns, _ = receive_stamped(client, 100, time.monotonic_ns)
    assert data == b"hello"
    slack = 1_000_000  # the two clocks are read one after the other
    assert before - slack <= arrived_ns <= after + slack


@pytest.mark.e2e
@pytest.mark.parametrize("stamped", [True, False])
def test_a_late_loop_does_not_blame_the_target(
    stamped: bool, serve: Callable[..., Any], meet: Callable[..., Any]
) -> None:
    def echo(peer: Any) -> None:
        while peer.request():
            peer.answer(b"{}")

    meeting = meet(serve(echo).url, kernel_stamps=stamped)
    meeting.warm(1)
    for _ in range(2):  # the kernel begins to stamp a moment after the first socket has asked it to
        assert meeting.ask(Request(b"GET", b"/"))[0].outcome is Outcome.OK
        gevent.sleep(0.05)
    ended: list[Exchange] = []
    meeting.transport.send(Request(b"GET", b"/"), ended.append)
    time.sleep(1.0)  # the loop does not run
    with gevent.Timeout(5):
        while not ended:
            gevent.sleep(0.01)
    assert ended[0].outcome is Outcome.OK
    took_s = (ended[0].finished_ns - ended[0].sent_ns) / 1e9
    if stamped:
        assert 0 < took_s < 0.9
        assert meeting.transport.receive_lag_ns_max > 100_000_000
    else:
        assert took_s >= 1.0


@pytest.mark.e2e
def test_a_wall_clock_set_ahead_never_dates_an_answer_before_its_request(
    serve: Callable[..., Any], meet: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def echo(peer: Any) -> None:
        while peer.request():
            peer.answer(b"{}")

    meeting = meet(serve(echo).url, kernel_stamps=True)
    wall_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + 10 * 10**9)
    for _ in range(3):
        exchange = meeting.ask(Request(b"GET", b"/"))[0]
        assert exchange.outcome is Outcome.OK
        assert exchange.finished_ns >= exchange.sent_ns
    assert meeting.transport.receive_lag_ns_max < 10**9
