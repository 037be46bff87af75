"""copilot's MCP client against the MCP mock, and the two ways such servers fail."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from mock_services.copilot.breaker import Breaker, BreakerRules
from mock_services.copilot.mcp import McpTools
from mock_services.copilot.upstream import Upstream, UpstreamError

SUM = ("calculator", {"expression": "6 * 7"})


def upstream_of(lab: Any) -> Upstream:
    return Upstream("tools", lab.urls["tools"], lab.client, Breaker(BreakerRules()), clock=time.monotonic)


async def methods(lab: Any) -> list[str]:
    return [line["model"] for line in (await lab.get("/log?service=tools"))["log"]]


def test_one_session_serves_all_requests_in_json_and_in_events(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        tools = McpTools(upstream_of(lab))
        for answers in ("json", "sse"):
            await lab.patch("tools", answers=answers)
            asked = [tools.call(*SUM, [], 5, is_stale=False) for _ in range(4)]
            assert await asyncio.gather(*asked) == ["6 * 7 = 42"] * 4
        assert (await methods(lab)).count("initialize") == 1

    in_lab(body, {"name": "tools", "mock": "mcp"})


def test_a_lost_session_is_renewed_and_with_the_weakness_it_is_not(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        tools = McpTools(upstream_of(lab))
        asked = [await tools.call(*SUM, [], 5, is_stale=False) for _ in range(6)]
        assert asked == ["6 * 7 = 42"] * 6
        assert (await methods(lab)).count("initialize") >= 3
        stale = McpTools(upstream_of(lab))
        heard = []
        for _ in range(5):
            try:
                heard.append(await stale.call(*SUM, [], 5, is_stale=True))
            except UpstreamError as error:
                heard.append(error.reason)
        assert heard == ["6 * 7 = 42", "6 * 7 = 42", "lost session", "lost session", "lost session"]

    in_lab(body, {"name": "tools", "mock": "mcp", "session_calls": 3})


def test_a_cut_stream_is_fetched_again_and_with_the_weakness_it_is_not(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        upstream = upstream_of(lab)
        assert await McpTools(upstream).call(*SUM, [], 5, is_stale=False) == "6 * 7 = 42"
        with pytest.raises(UpstreamError, match="truncated"):
            await McpTools(upstream).call(*SUM, [], 5, is_stale=True)
        await lab.patch("tools", event_ids=False)
        with pytest.raises(UpstreamError, match="truncated"):
            await McpTools(upstream).call(*SUM, [], 5, is_stale=False)

    in_lab(body, {"name": "tools", "mock": "mcp", "cut_share": 1})


def test_a_tool_that_fails_and_one_that_is_unknown_are_failures(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        tools = McpTools(upstream_of(lab))
        with pytest.raises(UpstreamError, match="malformed"):
            await tools.call("no_such_tool", {}, [], 5, is_stale=False)
        await lab.patch("tools", error_share=1)
        with pytest.raises(UpstreamError, match="tool error"):
            await tools.call(*SUM, [], 5, is_stale=False)

    in_lab(body, {"name": "tools", "mock": "mcp"})
