"""Starts everything a config names, says when it listens, and ends it all on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from mock_services.admin import AdminApp
from mock_services.catalogue import MOCKS
from mock_services.children import Child, start_child
from mock_services.config import Config, ConfigError, ServicePlan
from mock_services.evidence import RequestLog
from mock_services.host import Host, Hosted
from mock_services.leases import Lease, LeaseBook
from mock_services.loop import clock
from mock_services.server import Listener
from mock_services.service import Context, Sociable

TOKEN_VARIABLE = "PEAKPROOF_MOCK_TOKEN"  # noqa: S105 -- the name of the variable, not the token
TICK_S = 0.05


class Mocks:
    """One process's services, their leases and the admin API over them."""

    def __init__(self, config: Config, token: str, admin_port: int = 0) -> None:
        self.config = config
        self._loop = asyncio.get_running_loop()
        self._log = RequestLog()
        self.hosts: dict[str, Hosted] = {}
        self.children: dict[str, Child] = {}
        self.leases: LeaseBook[Any] = LeaseBook(clock, self._lease_changed)
        self.admin_listener = Listener("127.0.0.1", admin_port)
        self._admin = AdminApp(
            token,
            hosts=self.hosts,
            leases=self.leases,
            log=self._log,
            clock=clock,
            children=self.children,
        )
        self._ticking: asyncio.Task[None] | None = None

    async def start(self, folder: Path) -> None:
        """Everything listens once this returns. Raises OSError (a port is taken) or ChildError; `stop` cleans up."""
        for index, plan in enumerate(self.config.services):
            try:
                listener = Listener(self.config.host, plan.port)
            except OSError as error:
                raise OSError(error.errno, f"{plan.name}: cannot take port {plan.port}: {error.strerror}") from None
            context = Context(
                plan.name,
                self.config.seed + index,
                clock,
                loop=self._loop,
                wall_offset_s=time.time() - clock(),
            )
            host = self.hosts[plan.name] = self._host(plan, context, listener)
            await host.start()
        await self.admin_listener.open(self._admin)
        urls = self.urls()
        for child_plan in self.config.children:
            self.children[child_plan.name] = await start_child(child_plan, urls, self.config.seed, folder)
        for service in self._sociable():
            service.meet(self.urls())
        self._ticking = self._loop.create_task(self._tick())

    def _host(self, plan: ServicePlan, context: Context, listener: Listener) -> Hosted:
        kind = MOCKS[plan.mock]
        if kind.host is not None:
            hosted: Hosted = kind.host(plan.settings, context, listener)
            return hosted
        assert kind.build is not None, "a mock has one or the other"
        return Host(plan.mock, kind.build(plan.settings, context), context, listener, self._log)

    def urls(self) -> dict[str, str]:
        return {
            **{name: host.url for name, host in self.hosts.items()},
            **{name: child.url for name, child in self.children.items()},
        }

    async def stop(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        self.leases.clear()
        await asyncio.gather(*(service.part() for service in self._sociable()))
        await asyncio.gather(*(child.stop() for child in self.children.values()))
        self.admin_listener.close()
        for host in self.hosts.values():
            host.stop()

    def _sociable(self) -> list[Sociable]:
        services = [host.service if isinstance(host, Host) else host for host in self.hosts.values()]
        return [service for service in services if isinstance(service, Sociable)]

    def _lease_changed(self, lease: Lease[Any]) -> None:
        self.hosts[lease.on].lease_changed(lease)

    async def _tick(self) -> None:
        """Expires leases on time and moves faults that begin later, or flap."""
        while True:
            await asyncio.sleep(TICK_S)
            self.leases.expire()
            for host in self.hosts.values():
                host.tick()


async def serve(config: Config, ready_file: Path | None, say: Callable[[str], None], with_parent: bool = False) -> None:
    """Until SIGTERM or SIGINT (or, with `with_parent`, until the parent process is gone)."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    ready: dict[str, Any] = {"pid": os.getpid()}
    if not token:
        token = ready["token"] = secrets.token_urlsafe(24)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    mocks = Mocks(config, token)
    try:
        with tempfile.TemporaryDirectory(prefix="peakproof-mocks-") as folder:
            await mocks.start(Path(folder))
            collect_rarely()
            ready |= {"admin": mocks.admin_listener.url, "services": mocks.urls()}
            if ready_file is None:
                say(orjson.dumps(ready, option=orjson.OPT_INDENT_2).decode())
            else:
                write_whole(ready_file, orjson.dumps(ready, option=orjson.OPT_INDENT_2))
            await _wait(ended, os.getppid() if with_parent else 0)
    finally:
        await mocks.stop()


def collect_rarely() -> None:
    """A full collection walks the whole request log, for a tenth of a second when it is long: that would be in the
    pacing of every stream. What is there now is never walked again, and the rest seldom; the youngest in portions of
    10,000, which takes 2 ms (of 50,000: 8 ms)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 100, 100)


async def _wait(ended: asyncio.Event, parent: int) -> None:
    while not ended.is_set() and (not parent or os.getppid() == parent):
        try:
            await asyncio.wait_for(ended.wait(), 0.5 if parent else None)
        except TimeoutError:
            continue


def write_whole(path: Path, data: bytes) -> None:
    """A reader sees the whole file or none. Only the owner may read it: it can hold a token."""
    part = path.with_name(path.name + ".part")
    part.touch(mode=0o600)
    part.write_bytes(data)
    part.replace(path)


__all__ = ["ConfigError", "Mocks", "serve"]
