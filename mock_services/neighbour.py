"""Another tenant: sends requests of its own to a service of the same mocks, through its own port, so that its log shows
them. How many a second is a setting, so the fault `settings` makes it noisy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlsplit

import numpy as np
import orjson
from pydantic import Field

from mock_services.server import Answer, Request, Response
from mock_services.service import Context, MockType, Service, Settings

TICK_S = 0.05
_LIMIT_S = 20.0
_CHAT = {"model": "assistant", "messages": [{"role": "user", "content": "A neighbour's question."}], "max_tokens": 20}


_HeaderText = Annotated[str, Field(pattern=r"^[\x20-\x7e]*$")]


class NeighbourSettings(Settings):
    target: str = Field(description="the service that it shares with you, by its name")
    path: str = Field(default="/v1/chat/completions", pattern=r"^/")
    headers: dict[_HeaderText, _HeaderText] = Field(default={"x-tenant": "neighbour"}, description="who it is")
    body: Any = Field(default=_CHAT, description="any JSON value; a list of messages gets a number in its last one")
    rps: float = Field(default=1, ge=0, le=1_000, description="requests a second, as a Poisson process")
    at_once: int = Field(default=200, ge=1, le=10_000, description="it sends no more while so many are unanswered")


class Neighbour:
    """Implements `Service`: what comes to its port it passes on in its own name; and it is its own best customer."""

    def __init__(self, settings: NeighbourSettings, context: Context) -> None:
        self.settings: Settings = settings
        self._own = settings
        self._context = context
        self._rng = np.random.default_rng([context.seed, 0x4E1])
        self._urls: Mapping[str, str] = {}
        self._sending: asyncio.Task[None] | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._count = 0

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, NeighbourSettings)
        self.settings = self._own = settings

    async def handle(self, request: Request) -> Answer:
        """The target's status, without its words."""
        url = self._urls.get(self._own.target)
        status = 502 if url is None else await self._post(url, request.body, self._own.headers)
        return Response(status or 502, b"{}")

    def meet(self, urls: Mapping[str, str]) -> None:
        """Everybody is up: sending begins."""
        self._urls = urls
        self._sending = asyncio.get_running_loop().create_task(self._send())

    async def part(self) -> None:
        """Sending ends, and what is open with it."""
        going = [task for task in (self._sending, *self._open) if task is not None]
        for task in going:
            task.cancel()
        for task in going:
            with suppress(asyncio.CancelledError):
                await task

    async def _send(self) -> None:
        then_s = self._context.clock()
        while True:
            await asyncio.sleep(TICK_S)
            now_s = self._context.clock()
            for _ in range(int(self._rng.poisson(self._own.rps * (now_s - then_s)))):
                if len(self._open) < self._own.at_once:
                    task = asyncio.get_running_loop().create_task(self._one())
                    self._open.add(task)
                    task.add_done_callback(self._open.discard)
            then_s = now_s

    async def _one(self) -> None:
        self._count += 1
        await self._post(self._urls[self._context.name], self._question(), {})

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of one request on a connection of its own; 0 where none came."""
        address = urlsplit(url)
        lines = [f"POST {self._own.path} HTTP/1.1", f"host: {address.netloc}", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(body)}", "connection: close", "", ""]
        writer = None
        try:
            async with asyncio.timeout(_LIMIT_S):
                reader, writer = await asyncio.open_connection(address.hostname, address.port)
                writer.write("\r\n".join(lines).encode("latin-1") + body)
                status = int((await reader.readline()).split()[1])
                while await reader.read(65_536):
                    continue
        except (OSError, TimeoutError, ValueError, IndexError):
            return 0
        finally:
            if writer is not None:
                writer.close()
        return status

    def _question(self) -> bytes:
        """Each is another one: a cache of answers would make it a quiet neighbour."""
        body = self._own.body
        if isinstance(body, Mapping) and isinstance(messages := body.get("messages"), list) and messages:
            last = {**messages[-1], "content": f"{messages[-1].get('content', '')} ({self._count})"}
            body = {**body, "messages": [*messages[:-1], last]}
        return orjson.dumps(body)


def build(settings: NeighbourSettings, context: Context) -> Service:
    return Neighbour(settings, context)


NEIGHBOUR = MockType(NeighbourSettings, build)
