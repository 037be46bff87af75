"""A listening port that can refuse and listen again without ever giving its number away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from mock_services.server.connection import Connection
from mock_services.server.message import App

BACKLOG = 4096


class Listener:
    """Binds at once (raises OSError where the port is taken), listens from `open` on.

    The bound socket stays bound while the port refuses: on Linux, `shutdown` on a listening socket makes the kernel
    answer RST to every SYN, so no other process can take the port in the meantime.
    """

    def __init__(self, host: str, port: int) -> None:
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host = host
        self._bind(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._make: Callable[[], Connection] | None = None

    def _bind(self, port: int) -> None:
        self._socket = socket.socket(self._family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((self.host, port))
        except OSError:
            self._socket.close()
            raise

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def open(self, app: App) -> None:
        """Starts to listen; harmless where it listens already."""
        loop = asyncio.get_running_loop()
        self._make = lambda: Connection(app, loop)
        await self.resume()

    async def resume(self) -> None:
        if self._server is None:
            assert self._make is not None, "open comes before resume"
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._make, sock=self._socket.dup(), backlog=BACKLOG)

    def refuse(self) -> None:
        """From now on the port answers RST to new connections; `resume` ends it."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # not Linux: give the port up and take it again without listening
            self._socket.close()
            self._bind(self.port)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        with suppress(OSError):
            self._socket.close()
