"""Whole answers: the honest one, and the ways in which one lies about itself."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping

import orjson

from harness.run.selftest.stage import Request, Serve, Wire

FAST_S = 0.005


def whole(body: bytes, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> bytes:
    """An answer with its length."""
    lines = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    return (
        f"HTTP/1.1 {status}\r\n".encode()
        + b"".join(f"{k}: {v}\r\n".encode() for k, v in lines.items())
        + b"\r\n"
        + body
    )


def completion(words: int = 5) -> bytes:
    """A chat completion that is not streamed, of so many tokens."""
    message = {"role": "assistant", "content": "word " * words}
    return orjson.dumps(
        {
            "object": "chat.completion",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": words, "total_tokens": words + 10},
        }
    )


async def honest(request: Request, wire: Wire) -> None:
    await asyncio.sleep(FAST_S)
    await wire.send(whole(b'{"ok": true}'))


def bulky(size: int) -> Serve:
    """Honest, with so many bytes to carry."""
    body = b'{"data": "' + b"x" * size + b'"}'

    async def serve(request: Request, wire: Wire) -> None:
        await asyncio.sleep(FAST_S)
        await wire.send(whole(body))

    return serve


def late(seconds: float) -> Serve:
    """Honest, but so slow."""

    async def serve(request: Request, wire: Wire) -> None:
        await asyncio.sleep(seconds)
        await honest(request, wire)

    return serve


def freezing(every_s: float, for_s: float) -> Serve:
    """Stands still at the end of each period, every connection of it."""

    async def serve(request: Request, wire: Wire) -> None:
        into_s = request.at_s % every_s
        if into_s > every_s - for_s:
            await asyncio.sleep(every_s - into_s)
        await honest(request, wire)

    return serve


def slow_for(odd_s: float, of: int = 2) -> Serve:
    """Every `of`-th arrival takes `odd_s`."""

    async def serve(request: Request, wire: Wire) -> None:
        if request.seq % of == 1:
            await asyncio.sleep(odd_s)
        await honest(request, wire)

    return serve


def settling(from_s: float, to_s: float, over_s: float) -> Serve:
    """A cold target: slow at first, and faster all the time until it is warm."""

    async def serve(request: Request, wire: Wire) -> None:
        await asyncio.sleep(to_s + (from_s - to_s) * max(0.0, 1 - request.at_s / over_s))
        await honest(request, wire)

    return serve


def silent(share: float, after_s: float = 0.0) -> Serve:
    """Reads the request of one arrival in `1 / share` and never answers it."""

    async def serve(request: Request, wire: Wire) -> None:
        if request.at_s >= after_s and request.seq >= 0 and request.seq % 10 < share * 10:
            await asyncio.sleep(600)
        await honest(request, wire)

    return serve


def throttling(share: float, retry_after: str = "", *, per_arrival: bool = True) -> Serve:
    """An instant 429 for a share of the arrivals; or, not `per_arrival`, to the first try of each of them."""
    tried: set[int] = set()

    async def serve(request: Request, wire: Wire) -> None:
        hit = request.seq % 10 < share * 10 if request.seq >= 0 else False
        if hit and (per_arrival or request.seq not in tried):
            tried.add(request.seq)
            headers = {"retry-after": retry_after} if retry_after else {}
            body = b'{"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}'
            await wire.send(whole(body, "429 Too Many Requests", headers))
            return
        await honest(request, wire)

    return serve


def throttling_tries(of: int) -> Serve:
    """An instant 429 for one request in `of`, whoever sends it: a client that says nothing of its arrival."""
    count: list[int] = [0]

    async def serve(request: Request, wire: Wire) -> None:
        count[0] += 1
        if count[0] % of == 0:
            await wire.send(whole(b"{}", "429 Too Many Requests"))
            return
        await honest(request, wire)

    return serve


def per_source(rate: int) -> Serve:
    """A limiter in front of the app: so many requests a second and source, the rest 429."""
    seen: dict[int, int] = {}

    async def serve(request: Request, wire: Wire) -> None:
        second = int(request.at_s)
        seen[second] = seen.get(second, 0) + 1
        if seen[second] > rate:
            await wire.send(whole(b"blocked", "429 Too Many Requests", {"retry-after": "1", "server": "edge"}))
            return
        await honest(request, wire)

    return serve


async def error_in_200(request: Request, wire: Wire) -> None:
    """HTTP 200 whose body is an error, for one arrival in four."""
    error = b'{"error": {"message": "The server is overloaded", "type": "server_error", "code": 503}}'
    await wire.send(whole(error if request.seq % 4 == 1 else completion()))


async def redirect(request: Request, wire: Wire) -> None:
    if request.path == "/login":
        await wire.send(whole(b"<html>please log in</html>", headers={"content-type": "text/html"}))
    else:
        await wire.send(whole(b"", "302 Found", {"location": "/login"}))


async def short_body(request: Request, wire: Wire) -> None:
    """Promises 4,000 bytes, sends 2,000 and closes, for one in four."""
    if request.seq % 4 != 1:
        await honest(request, wire)
        return
    await wire.send(whole(b"x" * 2000, headers={"content-length": "4000"}))
    wire.hang_up()


async def short_chunk(request: Request, wire: Wire) -> None:
    if request.seq % 4 != 1:
        await honest(request, wire)
        return
    await wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1000\r\n" + b"x" * 512)
    wire.hang_up()


async def reset_body(request: Request, wire: Wire) -> None:
    if request.seq % 4 != 1:
        await honest(request, wire)
        return
    await wire.send(whole(b"x" * 2000, headers={"content-length": "4000"}))
    wire.reset()


async def short_gzip(request: Request, wire: Wire) -> None:
    """A gzip body without its last 20 bytes, of the right content-length, for one in four."""
    packed = gzip.compress(orjson.dumps({"rows": list(range(3000))}), mtime=0)
    cut = packed[:-20] if request.seq % 4 == 1 else packed
    await wire.send(whole(cut, headers={"content-encoding": "gzip"}))


async def error_trailer(request: Request, wire: Wire) -> None:
    value = b"13" if request.seq % 4 == 1 else b"0"
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: grpc-status\r\n\r\n"
    await wire.send(head + b"2\r\n{}\r\n0\r\ngrpc-status: " + value + b"\r\n\r\n")


def swapping() -> Serve:
    """Answers each request with the body that belongs to the one before, as a broken multiplexer does, one in four."""
    before: list[bytes] = [b"nothing"]

    async def serve(request: Request, wire: Wire) -> None:
        own, other = request.body, before[0]
        before[0] = own
        await asyncio.sleep(FAST_S)
        await wire.send(whole(orjson.dumps({"echo": (other if request.seq % 4 == 1 else own).decode()})))

    return serve


def caching(*, says_so: bool) -> Serve:
    """Answers a prompt that was seen before at once, others in 150 ms."""
    seen: set[str] = set()

    async def serve(request: Request, wire: Wire) -> None:
        prompt = str(orjson.loads(request.body or b"{}").get("messages"))
        hit = prompt in seen
        seen.add(prompt)
        await asyncio.sleep(FAST_S if hit else 0.15)
        await wire.send(whole(completion(request.tokens), headers={"x-served-by": "cache"} if hit and says_so else {}))

    return serve


async def curt(request: Request, wire: Wire) -> None:
    """Five tokens, whatever was asked for."""
    await asyncio.sleep(FAST_S)
    await wire.send(whole(completion(5)))
