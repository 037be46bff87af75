"""An async iterator as the source of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

from mock_services.server.message import Writer


def pump(chunks: AsyncIterator[bytes], writer: Writer) -> None:
    """Starts a task that sends every chunk and then finishes. A failing iterator resets the connection."""
    task = asyncio.get_running_loop().create_task(_run(chunks, writer))

    def stop() -> None:
        if not task.done():
            task.cancel()

    writer.on_closed(stop)


async def _run(chunks: AsyncIterator[bytes], writer: Writer) -> None:
    try:
        async with aclosing(cast(Any, chunks)) as source:
            async for chunk in source:
                writer.send(chunk)
                if writer.closed:
                    return
                await writer.drain()
        writer.finish()
    except asyncio.CancelledError:
        raise
    except Exception:
        writer.abort()
        raise
