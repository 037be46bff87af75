"""The server against raw bytes: in order, in time, and never confused by what comes in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mock_services.loop import run
from mock_services.server import Admission, Answer, Listener, Peer, Request, Response, Stream, Writer, json_response


class Echo:
    """An app that answers with what it was asked; `/slow` later, `/stream` in pieces, `/broken` not at all."""

    def __init__(self) -> None:
        self.done: list[Request] = []
        self.stream_closed = asyncio.Event()
        self.cancelled = asyncio.Event()

    def admit(self, peer: Peer) -> Admission:
        return Admission.SERVE

    def left(self, peer: Peer) -> None:
        pass

    def finished(self, request: Request) -> None:
        self.done.append(request)

    def answer(self, request: Request) -> Any:
        match request.path:
            case "/slow":
                return self._slow()
            case "/stream":
                return Stream.of(self._pieces())
            case "/endless":
                return Stream.of(self._endless())
            case "/flood":
                return Stream(self._flood)
            case "/broken":
                raise RuntimeError("planted")
            case "/broken-stream":
                return Stream.of(self._broken_pieces())
        body = {"method": request.method, "path": request.path, "query": request.query(), "size": len(request.body)}
        return json_response(200, body)

    async def _slow(self) -> Answer:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Response(200, b'"slow"')

    async def _pieces(self) -> AsyncIterator[bytes]:
        for piece in (b"one", b"two", b"", b"three"):
            yield piece

    async def _broken_pieces(self) -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("planted")

    def _flood(self, writer: Writer) -> None:
        """Far more than the kernel takes from a client that does not read."""
        for index in range(200):
            writer.send(b"%05d" % index * 10_000)
        writer.finish()

    async def _endless(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.001)
        finally:
            self.stream_closed.set()


class Wire:
    def __init__(self, app: Echo, port: int) -> None:
        self.app = app
        self.port = port

    async def say(self, data: bytes, parts: int = 1) -> bytes:
        """Sends the bytes, in so many parts, and reads until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        size = max(1, -(-len(data) // parts))
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(data), size):
                writer.write(data[start : start + size])
                await writer.drain()
                if parts > 1:
                    await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(reader.read(), 5)
        except ConnectionError:
            return b"RST"
        finally:
            writer.close()


def on_wire(body: Any) -> Any:
    async def main() -> Any:
        app = Echo()
        listener = Listener("127.0.0.1", 0)
        await listener.open(app)
        try:
            return await body(Wire(app, listener.port))
        finally:
            listener.close()

    return run(asyncio.wait_for(main(), 20))


def get(path: str, *headers: str, close: bool = True) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "host: x", *headers, *(["connection: close"] if close else [])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_pipelined_requests_are_answered_in_order_although_the_first_is_the_slowest() -> None:
    async def body(wire: Wire) -> bytes:
        return await wire.say(
            get("/slow", close=False) + get("/a", close=False) + get("/stream", close=False) + get("/b")
        )

    answer = on_wire(body)
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    places = [answer.index(mark) for mark in (b'"slow"', b'"/a"', b"three", b'"/b"')]
    assert places == sorted(places)


@pytest.mark.parametrize("parts", [2, 7, 60])
def test_requests_may_come_in_any_pieces(parts: int) -> None:
    async def body(wire: Wire) -> bytes:
        post = b"POST /p?a=1&b=%20x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello"
        return await wire.say(post + get("/q"), parts)

    answer = on_wire(body)
    assert b'{"method":"POST","path":"/p","query":{"a":"1","b":" x"},"size":5}' in answer
    assert b'"/q"' in answer


def test_hundreds_of_pipelined_requests_pause_reading_and_all_come_through() -> None:
    async def body(wire: Wire) -> bytes:
        return await wire.say(get("/slow", close=False) + get("/x", close=False) * 500 + get("/end"), parts=20)

    answer = on_wire(body)
    assert answer.count(b"HTTP/1.1 200 OK") == 502


def test_chunked_bodies_and_expect_continue() -> None:
    async def body(wire: Wire) -> bytes:
        head = b"POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
        head += b"expect: 100-continue\r\nconnection: close\r\n\r\n"
        return await wire.say(head + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")

    answer = on_wire(body)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK") and b'"size":7' in answer


def test_a_stream_is_chunked_and_ends_properly() -> None:
    async def body(wire: Wire) -> bytes:
        return await wire.say(get("/stream"))

    head, _, rest = on_wire(body).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert rest == b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"


def test_who_reads_slowly_gets_everything_in_order() -> None:
    async def body(wire: Wire) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(get("/flood", close=False) + get("/after"))
        await asyncio.sleep(0.05)
        answer = await asyncio.wait_for(reader.read(), 15)
        writer.close()
        return answer

    _, _, rest = on_wire(body).partition(b"\r\n\r\n")
    flood = b"".join(b"c350\r\n%b\r\n" % (b"%05d" % index * 10_000) for index in range(200)) + b"0\r\n\r\n"
    assert rest[: len(flood)] == flood
    assert rest[len(flood) :].startswith(b"HTTP/1.1 200 OK") and b'"/after"' in rest[len(flood) :]


def test_head_has_no_body() -> None:
    async def body(wire: Wire) -> bytes:
        return await wire.say(b"HEAD /h HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

    head, _, rest = on_wire(body).partition(b"\r\n\r\n")
    assert b"content-length: 49" in head and rest == b""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"not http at all\r\n\r\n", b" 400 "),
        (b"GET /x HTTP/1.1\r\nhost: x\r\ncontent-length: nine\r\n\r\n", b" 400 "),
        (b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n" + b"x" * 9_000_000, b" 413 "),
        (b"GET /x HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", b" 431 "),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(data: bytes, status: bytes) -> None:
    async def body(wire: Wire) -> bytes:
        answer = await wire.say(data)
        assert (await wire.say(get("/after"))).startswith(b"HTTP/1.1 200"), "the server lives on"
        return answer

    answer = on_wire(body)
    assert answer == b"RST" or status in answer.split(b"\r\n")[0] + b" "


def test_an_app_that_fails_is_a_500_and_a_stream_that_fails_is_a_reset() -> None:
    async def body(wire: Wire) -> tuple[bytes, bytes]:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        return await wire.say(get("/broken")), await wire.say(get("/broken-stream"))

    whole, stream = on_wire(body)
    assert b" 500 " in whole and b"planted" not in whole
    assert not stream.endswith(b"0\r\n\r\n")


def test_the_clients_leaving_is_seen_at_once() -> None:
    async def body(wire: Wire) -> None:
        for path, event in (("/endless", wire.app.stream_closed), ("/slow", wire.app.cancelled)):
            reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
            writer.write(get(path, close=False))
            if path == "/endless":
                await reader.readexactly(500)
            else:
                await asyncio.sleep(0.03)
            writer.close()
            await asyncio.wait_for(event.wait(), 1)
        assert [r.record.outcome for r in wire.app.done] == ["disconnected", "disconnected"]

    on_wire(body)


def test_upgrades_are_answered_in_http_1_1() -> None:
    async def body(wire: Wire) -> bytes:
        return await wire.say(get("/u", "upgrade: h2c", "connection: upgrade, http2-settings", close=False))

    assert b'"/u"' in on_wire(body)


def test_garbage_never_crashes_the_server() -> None:
    async def body(wire: Wire) -> None:
        rng = random.Random(5)
        seed = get("/x", close=False) + b"POST /y HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"
        for _ in range(150):
            data = bytearray(seed)
            for _ in range(rng.randint(1, 12)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
            writer.write(bytes(data))
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 5)
            writer.close()
        answer = await wire.say(get("/alive"))
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["path"] == "/alive"

    on_wire(body)


def test_header_values_cannot_split_the_answer() -> None:
    from mock_services.server.exchange import render_head

    head = render_head(200, "text/plain", [("x-a", "1\r\nx-evil: 2")], b"")
    assert b"\r\nx-evil" not in head
