"""copilot as a web application: the chat endpoint, its health and its counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mock_services.copilot.answer import Copilot
from mock_services.copilot.chat import ChatEndpoint
from mock_services.copilot.gate import Gate
from mock_services.copilot.ledger import Ledger, render_metrics
from mock_services.copilot.model import CHAT_PATH
from mock_services.copilot.settings import Settings
from mock_services.copilot.transport import PooledTransport
from mock_services.copilot.weakness import Weakness

_BLOCK_EVERY_S = 5.0
_LARGEST_PAGE = 10_000


def build_app(
    settings: Settings,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The application. `transport` carries the upstream calls; by default a pooled one of its own.

    `app.state.change` is a `control.Change`.
    """
    client = httpx.AsyncClient(transport=transport or PooledTransport(), trust_env=False)
    copilot = Copilot(settings, client, clock)
    gate = Gate(*_bounds(settings))
    ledger = Ledger()
    pages = _Pages(copilot, gate, ledger)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        blocking = asyncio.create_task(_block_now_and_then(copilot))
        yield
        blocking.cancel()
        with suppress(asyncio.CancelledError):
            await blocking
        await client.aclose()

    routes = [
        Route(CHAT_PATH, ChatEndpoint(copilot, gate, ledger), methods=["POST"]),
        Route("/healthz", pages.health),
        Route("/counts", pages.counts),
        Route("/log", pages.log),
        Route("/metrics", pages.metrics),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)

    def change(changes: Mapping[str, Any]) -> Mapping[str, Any]:
        now = copilot.change(changes)
        gate.resize(*_bounds(now))
        return now.to_json()

    app.state.change = change
    return app


def _bounds(settings: Settings) -> tuple[int, int | None, float | None, int | None]:
    """Concurrency, queue, longest wait and places of a tenant; None is no bound, by choice or by a weakness."""
    places = settings.tenant_places or None
    if settings.has(Weakness.SHARED_PLACES):
        places = None
    if settings.has(Weakness.UNBOUNDED_QUEUE):
        return settings.concurrency, None, None, places
    return settings.concurrency, settings.queue, settings.queue_wait_s, places


class _Pages:
    """What copilot tells about itself; none of it holds a prompt or an answer."""

    def __init__(self, copilot: Copilot, gate: Gate, ledger: Ledger) -> None:
        self._copilot = copilot
        self._gate = gate
        self._ledger = ledger
        self._started_s = copilot.clock()

    async def health(self, _: Request) -> Response:
        now_s = self._copilot.clock()
        upstreams = {name: up.breaker.state(now_s).value for name, up in self._copilot.upstreams.items()}
        weakness = {str(name): degree for name, degree in self._copilot.settings.weakness.items()}
        return _json({"ok": True, "uptime_s": now_s - self._started_s, "breakers": upstreams, "weakness": weakness})

    async def counts(self, _: Request) -> Response:
        upstreams = {
            name: {"calls": up.calls, "skipped": up.skipped, "failures": up.failures}
            for name, up in self._copilot.upstreams.items()
        }
        return _json({**self._ledger.to_json(), "upstreams": upstreams})

    async def log(self, request: Request) -> Response:
        try:
            after, limit = (int(request.query_params.get(name, "0")) for name in ("after", "limit"))
        except ValueError:
            return _json({"error": {"message": "after and limit must be whole numbers"}}, 422)
        page = self._ledger.log.page(after=max(0, after), limit=min(limit, _LARGEST_PAGE) if limit > 0 else 1000)
        next_after = page[-1].index if page else after
        return _json({"log": [record.to_json() for record in page], "next_after": next_after})

    async def metrics(self, _: Request) -> Response:
        text = render_metrics(self._ledger, self._copilot.upstreams, self._gate.waiting, self._copilot.clock())
        return Response(text, media_type="text/plain; version=0.0.4")


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


async def _block_now_and_then(copilot: Copilot) -> None:
    """The weakness `sync_block`: a blocking call on the event loop, as a careless library makes it."""
    while True:
        await asyncio.sleep(_BLOCK_EVERY_S)
        if block_s := copilot.settings.weakness.get(Weakness.SYNC_BLOCK):
            time.sleep(block_s)  # this is the defect
