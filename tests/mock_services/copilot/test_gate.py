from __future__ import annotations

import asyncio

import pytest

from mock_services.copilot.gate import Gate, ShedError, TenantShedError


async def _settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_the_first_in_line_is_let_in_when_one_leaves() -> None:
    async def scene() -> list[str]:
        gate = Gate(1, queue=2, wait_s=None)
        await gate.enter()
        order: list[str] = []

        async def visit(name: str) -> None:
            await gate.enter()
            order.append(name)
            gate.leave()

        visits = [asyncio.create_task(visit(name)) for name in ("first", "second")]
        await _settle()
        assert gate.waiting == 2 and order == []
        with pytest.raises(ShedError, match="full"):
            await gate.enter()
        gate.leave()
        await asyncio.gather(*visits)
        await gate.enter()  # the place is free again
        return order

    assert asyncio.run(scene()) == ["first", "second"]


def test_too_long_a_wait_is_shed_and_leaves_the_queue() -> None:
    async def scene() -> None:
        gate = Gate(1, queue=5, wait_s=0.001)
        await gate.enter()
        with pytest.raises(ShedError, match="long"):
            await gate.enter()
        assert gate.waiting == 0
        gate.leave()
        await gate.enter()

    asyncio.run(scene())


def test_no_bound_means_no_bound() -> None:
    async def scene() -> int:
        gate = Gate(1, queue=None, wait_s=None)
        await gate.enter()
        waiting = [asyncio.create_task(gate.enter()) for _ in range(500)]
        await _settle()
        depth = gate.waiting
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert gate.waiting == 0
        return depth

    assert asyncio.run(scene()) == 500


def test_a_place_handed_to_one_who_left_goes_to_the_next() -> None:
    async def scene() -> None:
        gate = Gate(1, queue=5, wait_s=None)
        await gate.enter()
        leaver, stayer = asyncio.create_task(gate.enter()), asyncio.create_task(gate.enter())
        await _settle()
        gate.leave()  # handed to the leaver ...
        leaver.cancel()  # ... who goes before it can take it
        await asyncio.wait_for(stayer, 1)
        assert leaver.cancelled() or leaver.done()

    asyncio.run(scene())


def test_new_bounds_hold_at_once_in_both_directions() -> None:
    async def scene() -> None:
        gate = Gate(1, queue=2, wait_s=None)
        await gate.enter()
        waiting = [asyncio.create_task(gate.enter()) for _ in range(2)]
        await _settle()
        gate.resize(2, 0, None)
        await _settle()
        assert [w.done() for w in waiting] == [True, False], "one place more, and the next in line has it"
        with pytest.raises(ShedError, match="full"):
            await gate.enter()
        gate.resize(1, 5, None)
        gate.leave()
        await _settle()
        assert not waiting[1].done(), "one too many is inside: the place that was freed is gone"
        gate.leave()
        await _settle()
        assert waiting[1].done()
        gate.leave()
        await gate.enter()  # one place, and it is free

    asyncio.run(scene())


def test_a_tenant_has_its_share_of_the_places_and_no_more() -> None:
    async def scene() -> None:
        gate = Gate(10, queue=5, wait_s=None, tenant_places=2)
        async with gate.place("a"), gate.place("a"):
            with pytest.raises(TenantShedError, match="share"):
                async with gate.place("a"):
                    pass
            async with gate.place("b"), gate.place(), gate.place(), gate.place():
                pass
        async with gate.place("a"):  # what left has made room
            pass
        gate.resize(10, 5, None)
        async with gate.place("a"), gate.place("a"), gate.place("a"):
            pass

    asyncio.run(scene())
