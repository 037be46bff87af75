"""The proxy as a service beside the others: same config, same admin API, same leases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from mock_services.draws import draw
from mock_services.leases import Lease
from mock_services.server import Listener
from mock_services.service import Context, MockType, Settings, change_settings
from mock_services.tcp.link import Direction, Link
from mock_services.tcp.toxics import Down, Toxic, parse_toxic

_PORT_DIGITS = 5


class TcpSettings(Settings):
    upstream: str = Field(
        pattern=r"^\S+$", description="host:port of the real dependency, or the name of a service beside this one"
    )

    @property
    def address(self) -> tuple[str, int] | None:
        """None for a service's name."""
        host, _, port = self.upstream.rpartition(":")
        return (host, int(port)) if host and port.isdecimal() and len(port) <= _PORT_DIGITS else None


class TcpHost:
    """Implements `Host` for raw TCP. Changed settings hold for new connections."""

    def __init__(self, mock: str, settings: Any, context: Context, listener: Listener) -> None:
        assert isinstance(settings, TcpSettings)
        self.mock = mock
        self.settings: Settings = settings
        self.context = context
        self.listener = listener
        self._leases: dict[str, Lease[Toxic]] = {}
        self._waiting: dict[str, Lease[Toxic]] = {}
        self._links: set[Link] = set()
        self._numbers = 0
        self._resuming: asyncio.Task[None] | None = None
        self._urls: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        return self.context.name

    @property
    def url(self) -> str:
        return self.listener.url.replace("http://", "tcp://")

    async def start(self) -> None:
        loop = asyncio.get_running_loop()

        def accept() -> asyncio.StreamReaderProtocol:
            return asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), self._accept, loop=loop)

        await self.listener.open_with(accept)

    def meet(self, urls: Mapping[str, str]) -> None:
        """The services beside it, which it may stand before."""
        self._urls = urls

    async def part(self) -> None:
        """Open connections end with `stop`."""

    def stop(self) -> None:
        self.listener.close()
        for link in list(self._links):
            link.close()

    def change_settings(self, changes: Mapping[str, Any]) -> Settings:
        self.settings = change_settings(self.settings, changes)
        return self.settings

    # toxics

    def parse_fault(self, name: str, fields: Mapping[str, Any]) -> Toxic:
        return parse_toxic(name, fields)

    def check(self, fault: Any) -> None:
        """Every toxic makes sense here."""

    def lease_changed(self, lease: Lease[Any]) -> None:
        if not lease.reason:
            self._waiting[lease.id] = lease
            self.tick()
        elif self._waiting.pop(lease.id, None) is None and self._leases.pop(lease.id, None) is not None:
            for link in self._links:
                link.keep(lease.id)
            if isinstance(lease.fault, Down) and not self._down():
                self._resuming = self.listener.resume_soon()

    def tick(self) -> None:
        """Begin what is due. Toxics do not flap."""
        now_s = self.context.clock()
        for lease in [x for x in self._waiting.values() if now_s >= x.granted_s + x.fault.after_s]:
            del self._waiting[lease.id]
            self._begin(lease)

    def _begin(self, lease: Lease[Toxic]) -> None:
        self._leases[lease.id] = lease
        if isinstance(lease.fault, Down):
            self.listener.refuse()
            for link in list(self._links):
                link.reset()
        for link in self._links:
            self._end_in_time(link, lease)

    def _down(self) -> bool:
        return any(isinstance(lease.fault, Down) for lease in self._leases.values())

    def _end_in_time(self, link: Link, lease: Lease[Toxic]) -> None:
        ends = lease.fault.ends_after_s()
        if ends is not None and self._hits(link, lease):
            link.end_after(lease.id, *ends)

    def _hits(self, link: Link, lease: Lease[Toxic]) -> bool:
        return lease.fault.toxicity >= 1 or draw(self.context.seed, lease.id, link.number) < lease.fault.toxicity

    def _toxics(self, link: Link, way: Direction) -> list[Toxic]:
        return [x.fault for x in self._leases.values() if x.fault.stream == way and self._hits(link, x)]

    # connections

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._numbers += 1
        link = Link(self._numbers, self.context.seed, self._toxics)
        counts = self.context.counts
        counts.connections += 1
        counts.in_flight += 1
        self._links.add(link)
        for lease in self._leases.values():
            self._end_in_time(link, lease)
        try:
            await link.run((reader, writer), self._address())
        except asyncio.CancelledError:
            pass  # the link was closed from outside: that is its proper end
        finally:
            counts.in_flight -= 1
            self._links.discard(link)

    def _address(self) -> tuple[str, int]:
        """Where a new connection goes. Nobody listens at the name of no service: that link is reset."""
        settings = self.settings
        assert isinstance(settings, TcpSettings)
        url = urlsplit(self._urls.get(settings.upstream, ""))
        return settings.address or (url.hostname or "", url.port or 0)


TCP = MockType(TcpSettings, None, host=partial(TcpHost, "tcp"))
