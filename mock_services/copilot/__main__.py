"""`python -m mock_services.copilot --port 0 --ready-file ready.json`; upstreams from the environment (`Settings`)."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
import sys
from pathlib import Path

import orjson
import uvicorn

from mock_services.copilot.app import build_app
from mock_services.copilot.control import serve_control
from mock_services.copilot.settings import SettingsError, read_settings

_BACKLOG = 4096
_STOP_S = 1
_PARENT_LOOK_S = 0.5


class Server(uvicorn.Server):
    """A uvicorn server that says when it listens, and ends with its parent where it is told to."""

    def __init__(
        self, config: uvicorn.Config, url: str, ready_file: Path | None, *, parent: int, control: int | None
    ) -> None:
        super().__init__(config)
        self._control = control
        self._serving: asyncio.Task[None] | None = None
        self._url = url
        self._ready_file = ready_file
        self._parent = parent
        self._watching: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._ready_file is not None:
            write_whole(self._ready_file, orjson.dumps({"pid": os.getpid(), "url": self._url}))
        if self._control is not None:
            change = self.config.app.state.change  # type: ignore[union-attr]
            self._serving = asyncio.create_task(serve_control(socket.socket(fileno=self._control), change))
        if self._parent:
            self._watching = asyncio.create_task(self._watch_parent())
        gc.collect()
        gc.freeze()  # what is there at the start stays: no collection walks it again

    async def _watch_parent(self) -> None:
        while os.getppid() == self._parent:
            await asyncio.sleep(_PARENT_LOOK_S)
        self.should_exit = True


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 ended by a signal, 2 the environment is wrong, 3 the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m mock_services.copilot", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--ready-file", type=Path, help='{"pid", "url"}, written once it listens')
    parser.add_argument("--with-parent", action="store_true", help="end when the parent process is gone")
    parser.add_argument("--control-fd", type=int, help="an inherited socket by which the parent changes settings")
    options = parser.parse_args(arguments)
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        listener = _listen(options.host, options.port)
    except OSError as error:
        sys.stderr.write(f"copilot: cannot listen on {options.host}:{options.port}: {error.strerror}\n")
        return 3
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        build_app(settings),
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_STOP_S,
        server_header=False,
        date_header=False,
    )
    parent = os.getppid() if options.with_parent else 0
    server = Server(config, url, options.ready_file, parent=parent, control=options.control_fd)
    server.run(sockets=[listener])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def write_whole(path: Path, data: bytes) -> None:
    """A reader sees the whole file or none."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
