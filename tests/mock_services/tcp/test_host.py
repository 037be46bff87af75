"""Each toxic planted between a client and an echo server, and the clean connection beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Ask = Callable[..., Awaitable[bytes]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def through_proxy(in_lab: Any, body: Callable[[Any, int], Awaitable[Any]]) -> Any:
    """Runs `body(lab, port)` with an echo server behind the proxy `db`."""

    async def main(lab: Any) -> Any:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        upstream = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await lab.patch("db", upstream=upstream)
        try:
            return await body(lab, int(lab.urls["db"].rpartition(":")[2]))
        finally:
            server.close()

    return in_lab(main, {"name": "db", "mock": "tcp", "upstream": "127.0.0.1:1"})


async def send(port: int, data: bytes = b"hello", wait_s: float = 5.0) -> bytes:
    """Everything that comes back until the proxy closes, or until as much as was sent is there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    got = b""
    try:
        while len(got) < len(data):
            part = await asyncio.wait_for(reader.read(65_536), wait_s)
            if not part:
                break
            got += part
    finally:
        writer.close()
    return got


def test_without_toxics_bytes_pass(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        assert lab.urls["db"].startswith("tcp://")
        data = bytes(range(256)) * 2000
        assert await send(port, data) == data
        assert (await lab.get("/counts"))["db"]["connections"] == 1

    through_proxy(in_lab, body)


def test_it_may_stand_before_a_service_beside_it(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        through = lab.urls["link"].replace("tcp://", "http://")
        answer = await lab.client.get(f"{through}/healthz")
        assert answer.status_code == (await lab.client.get(f"{lab.urls['vector']}/healthz")).status_code
        await lab.patch("link", upstream="nobody")
        with pytest.raises(httpx.TransportError):
            async with httpx.AsyncClient(trust_env=False) as fresh:
                await fresh.get(f"{through}/healthz")

    in_lab(body, {"name": "vector", "mock": "qdrant"}, {"name": "link", "mock": "tcp", "upstream": "vector"})


def test_a_toxic_may_begin_later_and_be_taken_back_before(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        never = await lab.grant("db", "down", after_s=3600)
        await lab.grant("db", "limit_data", bytes=2, after_s=0.3)
        assert await send(port) == b"hello"
        await lab.revert(never)
        until = time.monotonic() + 30
        while await send(port) != b"he" and time.monotonic() < until:
            await asyncio.sleep(0.05)
        assert await send(port) == b"he"

    through_proxy(in_lab, body)


def test_latency_is_one_and_not_one_for_each_piece(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        await lab.grant("db", "latency", latency=150)
        data = b"x" * 300_000
        began = time.monotonic()
        assert await send(port, data) == data
        assert time.monotonic() - began >= 0.15

    through_proxy(in_lab, body)


def test_bandwidth_and_slicer(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        lease = await lab.grant("db", "bandwidth", rate=100)
        began = time.monotonic()
        assert len(await send(port, b"x" * 30_000)) == 30_000
        assert time.monotonic() - began >= 0.25
        await lab.revert(lease)
        await lab.grant("db", "slicer", average_size=10, size_variation=3, delay=100)
        assert await send(port, bytes(range(200))) == bytes(range(200))

    through_proxy(in_lab, body)


def test_timeout_lets_nothing_through_and_closes(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        lease = await lab.grant("db", "timeout", timeout=150)
        began = time.monotonic()
        assert await send(port) == b""
        assert time.monotonic() - began > 0.1
        await lab.revert(lease)
        lease = await lab.grant("db", "timeout")
        with pytest.raises(TimeoutError):
            await send(port, wait_s=0.2)
        await lab.revert(lease)
        assert await send(port) == b"hello"

    through_proxy(in_lab, body)


def test_reset_peer_and_limit_data(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        lease = await lab.grant("db", "reset_peer")
        with pytest.raises(ConnectionResetError):
            await send(port)
        await lab.revert(lease)
        await lab.grant("db", "limit_data", bytes=7)
        assert await send(port, b"0123456789") == b"0123456"

    through_proxy(in_lab, body)


def test_upstream_toxics_and_toxicity(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        lease = await lab.grant("db", "limit_data", stream="upstream", bytes=3)
        assert await send(port) in (b"", b"hel"), "nothing behind the third byte reaches the server"
        await lab.revert(lease)
        await lab.grant("db", "limit_data", bytes=0, toxicity=0.5)
        answers = [await send(port) for _ in range(30)]
        assert 5 <= answers.count(b"hello") <= 25 and answers.count(b"") == 30 - answers.count(b"hello")

    through_proxy(in_lab, body)


def test_down_refuses_resets_and_comes_back_when_the_lease_ends(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"a")
        assert await reader.read(1) == b"a"
        await lab.grant("db", "down", ttl_s=1.0)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
            raise AssertionError("a FIN is no reset")
        with pytest.raises(ConnectionRefusedError):
            await send(port)
        await asyncio.sleep(1.3)
        assert await send(port) == b"hello", "nobody renewed it"
        writer.close()

    through_proxy(in_lab, body)


def test_slow_close_waits(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        await lab.grant("db", "slow_close", delay=200)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        writer.write_eof()
        assert await reader.read(1) == b"x"
        began = time.monotonic()
        assert await reader.read() == b""
        assert time.monotonic() - began >= 0.15
        writer.close()

    through_proxy(in_lab, body)


def test_a_dead_upstream_is_a_reset_and_an_unknown_toxic_a_422(in_lab: Any) -> None:
    async def body(lab: Any, port: int) -> None:
        await lab.patch("db", upstream="127.0.0.1:1")
        with pytest.raises(ConnectionResetError):
            await send(port)
        for fields in ({"fault": "gremlin"}, {"fault": "error"}, {"fault": "latency", "add_ms": 3}):
            ask = {"on": "db", "ttl_s": 5, **fields}
            headers = {"authorization": "Bearer test-token"}
            assert (await lab.client.post(lab.admin + "/faults", json=ask, headers=headers)).status_code == 422

    through_proxy(in_lab, body)
