"""Waiting until a moment, and saying how late one was: a mock's own lateness is evidence."""

from __future__ import annotations

import asyncio

from mock_services.loop import call_at, clock
from mock_services.service import Context


async def until(done_s: float, context: Context) -> None:
    """Returns at `done_s` of the service's clock; the lateness goes into the service's pacing error."""
    loop = context.event_loop
    arrived: asyncio.Future[None] = loop.create_future()
    timer = call_at(loop, clock() + done_s - context.clock(), _arrive, arrived)
    try:
        await arrived
    finally:
        timer.cancel()
    context.counts.pacing.add(max(0.0, context.clock() - done_s))


def _arrive(arrived: asyncio.Future[None]) -> None:
    if not arrived.done():
        arrived.set_result(None)
