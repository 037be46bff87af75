"""The official MCP client, unmodified, over streamable HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("mcp", reason="make test-contract installs the official clients")

from mcp.client.client import Client

pytestmark = pytest.mark.filterwarnings(  # sockets that the clients leave open
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def ask(url: str, calls: int = 1, mode: str = "legacy") -> list[str]:
    """What a client is told: the number of tools, then the text or the error of each call."""

    async def scene() -> list[str]:
        async with Client(url + "/mcp", mode=mode) as client:
            told = [str(len((await client.list_tools()).tools))]
            for _ in range(calls):
                try:
                    answer = await client.call_tool("calculator", {"expression": "6 * 7"})
                    told.append(("error: " if answer.is_error else "") + answer.content[0].text)
                except Exception as error:
                    told.append(f"raised: {error}")
            return told

    return asyncio.run(asyncio.wait_for(scene(), 20))


@pytest.mark.parametrize("answers", ["json", "sse"])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_tools_are_found_and_called(start: Any, answers: str, mode: str) -> None:
    assert ask(start("mcp", answers=answers, latency_ms=0).url, mode=mode) == ["4", "6 * 7 = 42"]


def test_a_cut_stream_is_resumed_where_events_carry_ids(start: Any) -> None:
    mock = start("mcp", cut_share=1.0, retry_ms=10, latency_ms=0)
    assert ask(mock.url) == ["4", "6 * 7 = 42"]


def test_a_cut_stream_without_ids_is_lost(start: Any) -> None:
    told = ask(start("mcp", cut_share=1.0, event_ids=False, latency_ms=0).url)
    assert "ended without a response" in told[1]


def test_a_lost_session_is_called_terminated(start: Any) -> None:
    told = ask(start("mcp", session_calls=3, latency_ms=0).url, calls=3)
    assert told[1] == "6 * 7 = 42"
    assert all("Session terminated" in text for text in told[2:])


def test_the_limit_and_its_hint_are_lost_on_the_client(start: Any) -> None:
    told = ask(start("mcp", rps=1, latency_ms=0).url, calls=2)
    assert "Server returned an error response" in told[2]


def test_a_tool_that_fails_says_so_in_its_result(start: Any) -> None:
    assert "error: " in ask(start("mcp", error_share=1.0, latency_ms=0).url)[1]
