"""Streamed answers in the OpenAI dialect: the honest one, and the ways in which one breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import orjson

from harness.run.selftest.answers import FAST_S
from harness.run.selftest.stage import Request, Serve, Wire

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]\n\n"
END = b"0\r\n\r\n"


def event(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"


def usage(tokens: int) -> bytes:
    counted = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": tokens + 10}
    return b"data: " + orjson.dumps({"object": "chat.completion.chunk", "choices": [], "usage": counted}) + b"\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


ROLE = event({"role": "assistant", "content": ""})
FINISH = event({}, "stop")
ERROR = b'data: {"error": {"message": "engine died", "type": "server_error", "code": 500}}\n\n'


async def _begin(wire: Wire, words: int, gap_s: float = FAST_S) -> None:
    await wire.send(HEAD + chunk(ROLE))
    for _ in range(words):
        await asyncio.sleep(gap_s)
        await wire.send(chunk(event({"content": "word "})))


async def honest_stream(request: Request, wire: Wire) -> None:
    await _begin(wire, request.tokens)
    await wire.send(chunk(FINISH + usage(request.tokens) + DONE) + END)


def broken_stream(tail: bytes, *, reset: bool = False, words: int = 3, role: bool = True) -> Serve:
    """One arrival in four gets `words` tokens and then `tail` (already framed) instead of the rest."""

    async def serve(request: Request, wire: Wire) -> None:
        if request.seq % 4 != 1:
            await honest_stream(request, wire)
            return
        if role:
            await _begin(wire, words)
        else:
            await wire.send(HEAD)
        if tail:
            await wire.send(tail)
        if not tail.endswith(END):
            wire.hang_up()
        if reset:
            await asyncio.sleep(FAST_S)
            wire.reset()

    return serve


async def endless(request: Request, wire: Wire) -> None:
    """Tokens without end, for one in four."""
    await _begin(wire, 100_000 if request.seq % 4 == 1 else 3, 0.05 if request.seq % 4 == 1 else FAST_S)
    await wire.send(chunk(FINISH + usage(3) + DONE) + END)


async def drip(request: Request, wire: Wire) -> None:
    """A body of one byte every 300 ms, for one in four: never silent for long, never at its end."""
    await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n")
    if request.seq % 4 != 1:
        await wire.send(b"x" * 4000)
        return
    for _ in range(4000):
        await wire.send(b"x")
        await asyncio.sleep(0.3)


async def late_first_token(request: Request, wire: Wire) -> None:
    """Role, an empty delta and a comment at once; the first token after two seconds."""
    await wire.send(HEAD + chunk(ROLE + event({"content": ""}) + b": keep-alive\n\n"))
    await asyncio.sleep(2.0)
    await wire.send(chunk(event({"content": "word "}) + FINISH + usage(1) + DONE) + END)


async def fat_chunks(request: Request, wire: Wire) -> None:
    """Four tokens an event, two events a segment, and a character of three bytes cut between two of them. Stamps the
    time for each token after the first."""
    text = event({"content": "wörd w€rd word word "})
    await wire.send(HEAD + chunk(ROLE))
    first_s = 0.0
    for _ in range(request.tokens // 8):
        await asyncio.sleep(0.02)
        first_s = first_s or time.monotonic()
        both = text + text
        at = both.index("€".encode()) + 1
        await wire.send(chunk(both[:at]))
        await asyncio.sleep(0)
        await wire.send(chunk(both[at:]))
    wire.stamps.append((time.monotonic() - first_s) / (request.tokens - 1))
    await wire.send(chunk(FINISH + usage(request.tokens) + DONE) + END)
