from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from mock_services.copilot.control import answer, serve_control
from mock_services.copilot.settings import Settings, SettingsError, change_settings
from mock_services.copilot.weakness import Weakness
from tests.mock_services.copilot.stage import Stage, hangs, refuses, streams

START = Settings("http://127.0.0.1:1", primary_key="secret", weakness={Weakness.NO_BREAKER: 1.0})


def change(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    return change_settings(START, changes).to_json()


def test_weaknesses_are_switched_one_by_one_and_keys_are_never_told() -> None:
    said = orjson.loads(answer(b'{"weakness": {"cut_stream": 0.5}, "budget_s": 3, "queue": 7}', change))["settings"]
    assert said["weakness"] == {"no_breaker": 1.0, "cut_stream": 0.5}
    assert (said["budget_s"], said["queue"]) == (3.0, 7)
    assert "secret" not in str(said)
    said = orjson.loads(answer(b'{"weakness": {"no_breaker": false}}', change))["settings"]
    assert said["weakness"] == {}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (b'{"primary_url": "http://elsewhere"}', "primary_url: cannot be changed"),
        (b'{"gremlin": 1}', "gremlin: cannot be changed; there are budget_s"),
        (b'{"weakness": {"gremlin": true}}', "no such weakness"),
        (b'{"budget_s": true}', "budget_s: not a number"),
        (b'{"queue": -1}', "queue: must be at least 0"),
        (b"[1]", "JSON object"),
        (b"not json", "invalid literal"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(line: bytes, names: str) -> None:
    assert names in orjson.loads(answer(line, change))["error"]


def test_the_parent_is_answered_line_by_line_until_it_hangs_up() -> None:
    async def scene() -> list[Any]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        serving = asyncio.create_task(serve_control(theirs, change))
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        said = []
        for line in (b'{"queue": 1}', b"nonsense", b'{"queue": 2}'):
            writer.write(line + b"\n")
            said.append(orjson.loads(await reader.readline()))
        writer.close()
        await writer.wait_closed()
        await asyncio.wait_for(serving, 2)
        return said

    first, wrong, second = asyncio.run(scene())
    assert (first["settings"]["queue"], "error" in wrong, second["settings"]["queue"]) == (1, True, 2)


def test_a_weakness_shows_from_the_next_question_on_and_goes_again(stage: Stage) -> None:
    async def scene() -> list[str]:
        served = []
        for weakness in ({}, {"no_fallback": True}, {"no_fallback": False}):
            stage.app.state.change({"weakness": weakness})
            reply = await stage.ask("How long do refunds take?")
            served.append(reply.headers.get("x-served-by", str(reply.status)))
        return served

    stage.primary = refuses(500)
    stage.fallback = streams("from", "the fallback")
    stage.opens()
    assert asyncio.run(scene()) == ["fallback", "cache", "fallback"]


def test_no_timeout_can_be_switched_and_the_budgets_come_back(stage: Stage) -> None:
    stage.primary = hangs
    stage.opens(first_token_s=0.02, budget_s=0.1, fallback_url="")
    stage.app.state.change({"weakness": {"no_timeout": True}})
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(stage.ask("A?"), 0.4))
    now = stage.app.state.change({"weakness": {"no_timeout": False}})
    assert now["first_token_s"] == 0.02
    assert asyncio.run(asyncio.wait_for(stage.ask("B?"), 5)).status == 503
    with pytest.raises(SettingsError):
        stage.app.state.change({"weakness": {"gremlin": True}})
