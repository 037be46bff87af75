import socket
import struct
import threading
from collections.abc import Callable, Iterator
from itertools import count

import httpx
import pytest

from harness.drill import Probe, Reading

BEFORE = Reading(200, 0.1, 1000, True)


def probe(answer: Callable[[httpx.Request], httpx.Response], mock: str = "openai", step_s: float = 0.1) -> Probe:
    times = (number * step_s for number in count())
    client = httpx.Client(transport=httpx.MockTransport(answer), trust_env=False)
    return Probe(client, "http://model", mock, clock=lambda: next(times))


def test_a_whole_answer() -> None:
    reading = probe(lambda request: httpx.Response(200, stream=Pieces(9)), step_s=0.01).ask()
    assert (reading.status, reading.size, reading.whole) == (200, 900, True) and reading.like(BEFORE)


def test_what_cannot_be_reached_reads_as_no_answer() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    reading = probe(refuse).ask()
    assert (reading.status, reading.whole) == (0, False) and "no answer" in str(reading)


def test_an_answer_without_an_end_is_cut_at_the_patience() -> None:
    def drip(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Pieces(10**9))

    reading = probe(drip, step_s=1.0).ask()
    assert not reading.whole and reading.size < 1000


Server = Callable[[socket.socket], None]


def knocked(serve: Server) -> Reading:
    """What a probe reads of a real socket whose first connection is handed to `serve`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: serve(server.accept()[0]))
        thread.start()
        reading = Probe(httpx.Client(trust_env=False), f"tcp://127.0.0.1:{server.getsockname()[1]}", "tcp").ask()
        thread.join(30)
    return reading


def says(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(b"-ERR wrong number of arguments\r\n")
    link.close()


def resets(link: socket.socket) -> None:
    link.recv(4096)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def test_any_protocol_behind_a_tcp_proxy_says_something() -> None:
    reading = knocked(says)
    assert (reading.status, reading.size, reading.whole) == (1, 32, True) and reading.like(reading)


def test_a_reset_link_is_no_answer() -> None:
    reading = knocked(resets)
    assert (reading.status, reading.whole) == (0, False) and not reading.like(knocked(says))


def test_a_silent_link_is_connected_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.drill.probes.TIMEOUT_S", 0.2)
    held: list[socket.socket] = []
    reading = knocked(held.append)
    held[0].close()
    assert (reading.status, reading.size, reading.whole) == (1, 0, False) and not reading.like(knocked(says))


def test_a_link_that_nobody_holds_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert Probe(httpx.Client(trust_env=False), f"tcp://127.0.0.1:{port}", "tcp").ask().status == 0


class Pieces(httpx.SyncByteStream):
    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[bytes]:
        return (b"x" * 100 for _ in range(self._count))


@pytest.mark.parametrize(("mock", "method"), [("openai", "POST"), ("qdrant", "POST"), ("tools", "GET"), ("?", "GET")])
def test_each_kind_is_asked_in_its_own_way(mock: str, method: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(404, stream=Pieces(1))

    probe(answer, mock).ask()
    assert asked == [method]


@pytest.mark.parametrize(
    ("now", "like"),
    [
        (BEFORE, True),
        (Reading(200, 0.8, 1000, True), True),  # slower, but by less than three quarters of a second
        (Reading(200, 1.0, 1000, True), False),
        (Reading(503, 0.1, 1000, True), False),
        (Reading(200, 0.1, 1000, False), False),
        (Reading(200, 0.1, 700, True), False),
        (Reading(200, 0.1, 1200, True), True),
        (Reading(0, 0.1, 0, False), False),
    ],
)
def test_likeness(now: Reading, like: bool) -> None:
    assert now.like(BEFORE) is like
