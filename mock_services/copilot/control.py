"""How whoever started copilot changes it while it runs: JSON lines over an inherited socket.

There is no port and no token for it: nobody but the parent process can reach it, and the system under test holds
nothing that would open the mocks' admin API.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mock_services.copilot.settings import SettingsError

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes changes, answers the settings now in force. Raises SettingsError and changes nothing where they cannot be."""


async def serve_control(end: socket.socket, change: Change) -> None:
    """Until the parent hangs up. `{"weakness": {"no_breaker": true}}` -> `{"settings": {...}}` or `{"error": ".."}`."""
    reader, writer = await asyncio.open_unix_connection(sock=end)
    try:
        while line := await reader.readline():
            writer.write(answer(line, change) + b"\n")
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()


def answer(line: bytes, change: Change) -> bytes:
    """The reply to one line, without its line end."""
    try:
        changes = orjson.loads(line)
        if isinstance(changes, dict):
            return orjson.dumps({"settings": change(changes)})
        return orjson.dumps({"error": "changes are a JSON object"})
    except (SettingsError, orjson.JSONDecodeError) as error:
        return orjson.dumps({"error": str(error)})
