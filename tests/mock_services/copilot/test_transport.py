"""Against a real socket: what the peer does is scripted byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from mock_services.copilot.transport import PooledTransport

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
CLOSE = b"<close>"
RESET = b"<reset>"


class Peer:
    """Answers each request with the next script; counts connections and what it read."""

    def __init__(self, *scripts: list[bytes]) -> None:
        self.scripts = list(scripts)
        self.connections = 0
        self.requests: list[bytes] = []
        self.lost = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.scripts:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                for piece in self.scripts.pop(0):
                    if piece == CLOSE:
                        return
                    if piece == RESET:
                        writer.transport.abort()
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.lost.set()
            writer.close()


Scene = Callable[[httpx.AsyncClient, str], Awaitable[None]]


def play(peer: Callable[[], Peer], scene: Callable[[httpx.AsyncClient, str, Peer], Awaitable[None]]) -> None:
    async def run() -> None:
        scripted = peer()
        server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        async with httpx.AsyncClient(transport=PooledTransport(), trust_env=False) as client:
            await asyncio.wait_for(scene(client, url, scripted), 5)
        server.close()
        await server.wait_closed()

    asyncio.run(run())


def test_a_connection_is_used_again_after_a_whole_answer() -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        for _ in range(3):
            assert (await client.post(url, content=b"body", headers={"x-a": "b"})).content == b"ok"
        assert peer.connections == 1
        assert peer.requests[0].startswith(b"POST /x HTTP/1.1\r\n") and peer.requests[0].endswith(b"\r\n\r\nbody")
        assert b"x-a: b\r\n" in peer.requests[0]

    play(lambda: Peer([OK], [OK], [OK]), scene)


def test_two_at_once_take_two_connections() -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        answers = await asyncio.gather(client.post(url, content=b""), client.post(url, content=b""))
        assert [a.status_code for a in answers] == [200, 200]
        assert peer.connections == 2

    play(lambda: Peer([OK], [OK]), scene)


def test_chunks_come_as_they_are_sent() -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        async with client.stream("POST", url, content=b"") as response:
            pieces = [piece async for piece in response.aiter_raw()]
        assert b"".join(pieces) == b"hello world"
        assert (await client.post(url, content=b"")).content == b"ok"
        assert peer.connections == 1

    script = [CHUNKED, b"5\r\nhel", b"lo\r\n", b"6\r\n world\r\n0\r\n\r\n"]
    play(lambda: Peer(script, [OK]), scene)


@pytest.mark.parametrize(
    "script",
    [
        [b"HTTP/1.1 100 Continue\r\n\r\n", OK],
        [b"HTTP/1.1 200 OK\r\n\r\nok", CLOSE],
        [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"],
        [bytes([b]) for b in OK],
    ],
    ids=["100 first", "ends with the connection", "connection: close", "byte by byte"],
)
def test_every_shape_of_a_whole_answer(script: list[bytes]) -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        for _ in range(2):
            response = await client.post(url, content=b"")
            assert (response.status_code, response.content) == (200, b"ok")

    play(lambda: Peer(script, [OK]), scene)


@pytest.mark.parametrize(
    "script",
    [
        [CLOSE],
        [RESET],
        [b"HTTP/1.1 200 OK\r\ncontent-le", CLOSE],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", CLOSE],
        [CHUNKED, b"5\r\nhello\r\n", CLOSE],
        [CHUNKED, b"5\r\nhello\r\n", RESET],
        [CHUNKED, b"zz\r\n"],
        [b"not http at all\r\n\r\n"],
    ],
)
def test_an_answer_that_is_cut_or_garbled_is_never_a_whole_one(script: list[bytes]) -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(url, content=b"")
        assert len(peer.requests) == 1, "nothing is sent twice"
        assert (await client.post(url, content=b"")).content == b"ok"
        assert peer.connections == 2

    play(lambda: Peer(script, [OK]), scene)


def test_a_connection_closed_while_idle_is_not_used_again() -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        await client.post(url, content=b"")
        await peer.lost.wait()
        for _ in range(3):
            await asyncio.sleep(0)
        assert (await client.post(url, content=b"")).content == b"ok"
        assert peer.connections == 2

    play(lambda: Peer([OK, CLOSE], [OK]), scene)


def test_bytes_nobody_asked_for_spoil_the_connection_not_the_next_answer() -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        assert (await client.post(url, content=b"")).content == b"ok"
        await peer.lost.wait()
        assert (await client.post(url, content=b"")).content == b"ok"
        assert peer.connections == 2

    play(lambda: Peer([OK, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"], [OK]), scene)


@pytest.mark.parametrize("script", [[], [CHUNKED], [CHUNKED, b"5\r\nhello\r\n"]], ids=["head", "body", "later"])
def test_silence_ends_with_the_read_timeout(script: list[bytes]) -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(url, content=b"", timeout=httpx.Timeout(None, read=0.02))
        await peer.lost.wait()

    play(lambda: Peer(script), scene)


def test_a_shorter_timeout_holds_on_a_connection_that_had_a_longer_one() -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        await client.post(url, content=b"", timeout=httpx.Timeout(None, read=60))
        with pytest.raises(httpx.ReadTimeout):
            await client.post(url, content=b"", timeout=httpx.Timeout(None, read=0.02))
        assert peer.connections == 1

    play(lambda: Peer([OK], []), scene)


def test_leaving_early_closes_the_connection() -> None:
    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        async with client.stream("POST", url, content=b"") as response:
            async for piece in response.aiter_raw():
                assert piece == b"hello"
                break
        await peer.lost.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.post(url, content=b"")

    play(lambda: Peer([CHUNKED, b"5\r\nhello\r\n"], []), scene)


def test_a_reader_who_lags_pauses_the_peer_and_loses_nothing() -> None:
    size = 3_000_000
    script = [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size, b"x" * size]

    async def scene(client: httpx.AsyncClient, url: str, peer: Peer) -> None:
        async with client.stream("POST", url, content=b"") as response:
            read = 0
            async for piece in response.aiter_raw():
                read += len(piece)
                assert len(piece) < 1_000_000
                await asyncio.sleep(0)
        assert read == size

    play(lambda: Peer(script), scene)


def test_nobody_listens() -> None:
    async def scene() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        async with httpx.AsyncClient(transport=PooledTransport(), trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.post(f"http://127.0.0.1:{port}/", content=b"")

    asyncio.run(scene())
