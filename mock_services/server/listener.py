"""A listening port that can refuse and listen again without ever giving its number away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

from mock_services.server.connection import Connection
from mock_services.server.head import Heads
from mock_services.server.message import App
from mock_services.server.outbox import Outbox

BACKLOG = 4096


class Listener:
    """Binds at once (raises OSError where the port is taken), listens from `open` on.

    The bound socket stays bound while the port refuses: on Linux, `shutdown` on a listening socket makes the kernel
    answer RST to every SYN, so no other process can take the port in the meantime. (The kernel keeps a port through
    that only where it was asked for by number; hence a free one is found first, and then asked for.)
    """

    def __init__(self, host: str, port: int) -> None:
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host = host
        self._bind(port or free_port(host, self._family))
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._make: Callable[[], asyncio.BaseProtocol] | None = None

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

    async def open(self, app: App, outbox: Outbox | None = None) -> None:
        """Starts to listen; harmless where it listens already. `outbox` is for those who make many connections speak at
        once."""
        loop = asyncio.get_running_loop()
        heads, gathers = Heads(), Outbox() if outbox is None else outbox
        await self.open_with(lambda: Connection(app, loop, heads, gathers))

    async def open_with(self, make: Callable[[], asyncio.BaseProtocol]) -> None:
        """As `open`, for what does not speak HTTP."""
        self._make = make
        await self.resume()

    async def resume(self) -> None:
        if self._server is None:
            assert self._make is not None, "open comes before resume"
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._make, sock=self._socket.dup(), backlog=BACKLOG)

    def resume_soon(self) -> asyncio.Task[None]:
        """As `resume`, from outside a coroutine: the kernel accepts at once, the server takes over within a tick."""
        self._socket.listen(BACKLOG)
        return asyncio.get_running_loop().create_task(self.resume())

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


def free_port(host: str, family: socket.AddressFamily) -> int:
    """A port that was free a moment ago."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
