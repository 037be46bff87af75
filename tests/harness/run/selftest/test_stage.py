"""The server that can lie does what its play says, byte by byte, and is gone afterwards."""

from __future__ import annotations

import socket
import time

import pytest

from harness.run.selftest import answers, streams
from harness.run.selftest.stage import Play, Request, Serve, Wire, staged

GET = b"GET /ask HTTP/1.1\r\nhost: x\r\nx-peakproof-seq: %d\r\n\r\n"


def talk(serve: Serve, *requests: bytes) -> bytes:
    """What comes back until the server closes or is silent for a moment."""
    with staged(Play(serve)) as stage, socket.create_connection(("127.0.0.1", stage.port), 5) as peer:
        peer.settimeout(0.5)
        for request in requests:
            peer.sendall(request)
        got = b""
        try:
            while data := peer.recv(65536):
                got += data
        except TimeoutError:
            pass
        return got


def test_honest_answers_on_one_connection() -> None:
    assert talk(answers.honest, GET % 0, GET % 1).count(b'{"ok": true}') == 2


def test_it_knows_when_it_stood_still() -> None:
    def stands_still() -> Serve:
        async def serve(request: Request, wire: Wire) -> None:
            time.sleep(0.3)
            await answers.honest(request, wire)

        return serve

    with staged(Play(stands_still())) as stage, socket.create_connection(("127.0.0.1", stage.port), 5) as peer:
        peer.sendall(GET % 0)
        assert peer.recv(4096)
        time.sleep(0.2)
    assert stage.late_s > 0.2


def test_it_is_gone_afterwards() -> None:
    with staged(Play(answers.honest)) as stage:
        port = stage.port
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_it_counts_the_load_and_not_the_look_before_it() -> None:
    with staged(Play(answers.honest)) as stage:
        for request in (GET % 0, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", stage.port), 5) as peer:
                peer.sendall(request)
                assert peer.recv(4096).startswith(b"HTTP/1.1 200")
        assert stage.requests == 1


def test_a_short_body_is_short() -> None:
    head, _, body = talk(answers.short_body, GET % 1).partition(b"\r\n\r\n")
    assert b"content-length: 4000" in head and len(body) == 2000


def test_a_cut_stream_has_no_end() -> None:
    ask = b'POST / HTTP/1.1\r\nhost: x\r\nx-peakproof-seq: %d\r\ncontent-length: 16\r\n\r\n{"max_tokens":3}'
    whole, broken = (talk(streams.broken_stream(streams.END), ask % seq) for seq in (0, 1))
    assert b"[DONE]" in whole and b'"finish_reason":"stop"' in whole
    assert b"[DONE]" not in broken and b'"finish_reason":"stop"' not in broken and broken.endswith(b"0\r\n\r\n")
