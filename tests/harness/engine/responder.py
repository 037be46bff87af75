"""A small asyncio HTTP/1.1 server in a process of its own: chat streams, JSON, and whatever delay is asked for.

    python -m tests.harness.engine.responder [DELAY_S]

Prints its port, serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_JSON = (
    b'{"data": [{"embedding": [0.1, 0.2]}], "result": {"points": []}, "choices": [{"finish_reason": "stop", '
    b'"message": {"role": "assistant", "content": "yes"}}], "usage": {"prompt_tokens": 11, "completion_tokens": 1}}'
)
_CHUNKS = [
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n',
    *[b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'] * 5,
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":5}}\n\n',
    b"data: [DONE]\n\n",
]


async def serve(delay_s: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length")
                    ),
                    0,
                )
                body = await reader.readexactly(length)
                if delay_s:
                    await asyncio.sleep(delay_s)
                await answer(writer, streamed=b'"stream":true' in body)
                if b"connection: close" in head.lower():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


async def answer(writer: asyncio.StreamWriter, *, streamed: bool) -> None:
    if not streamed:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(_JSON)
        writer.write(head + _JSON)
        return
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for chunk in _CHUNKS:
        writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        await asyncio.sleep(0.002)
    writer.write(b"0\r\n\r\n")


@contextmanager
def responder(delay_s: float = 0.0) -> Iterator[str]:
    """The URL of one, running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.harness.engine.responder", str(delay_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
