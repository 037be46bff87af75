from __future__ import annotations

import asyncio

from mock_services.pace import until
from mock_services.service import Context


def test_the_moment_is_kept_and_the_lateness_told() -> None:
    async def scene() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        context = Context("it", 1, loop.time, loop=loop)
        asked_s = loop.time() + 0.01
        await until(asked_s, context)
        early_s = asked_s - loop.time()
        await until(loop.time() - 1.0, context)
        return early_s, context.counts.pacing.count

    early_s, count = asyncio.run(scene())
    assert early_s <= 1e-3
    assert count == 2


def test_a_second_late_is_told_as_a_second() -> None:
    async def scene() -> float | None:
        loop = asyncio.get_running_loop()
        context = Context("it", 1, loop.time, loop=loop)
        await until(loop.time() - 1.0, context)
        return context.counts.pacing.quantile_s(0.99)

    told_s = asyncio.run(scene())
    assert told_s is not None and 0.9 < told_s < 2.0
