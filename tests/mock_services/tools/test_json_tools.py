from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from mock_services.server import Response
from mock_services.tools.json_tools import TOOLS
from tests.mock_services.tools.mock import Mock


def tools(**settings: Any) -> Mock:
    return Mock(TOOLS, **settings)


def call(mock: Mock, path: str, body: Any = None) -> Response:
    return asyncio.run(mock.ask("POST", path, body))


def test_a_call_gives_the_tools_result() -> None:
    answer = call(tools(), "/tools/calculator", {"expression": "6 * 7"})
    assert answer.status == 200
    assert orjson.loads(answer.body) == {"tool": "calculator", "result": "6 * 7 = 42", "value": 42.0}
    assert answer.headers == [], "no limit, no limit headers"


def test_the_list_of_tools_is_what_a_model_is_offered() -> None:
    listed = orjson.loads(asyncio.run(tools().ask("GET", "/tools")).body)["tools"]
    assert {tool["name"] for tool in listed} == {"order_status", "weather", "calculator", "search"}
    assert all(tool["parameters"]["type"] == "object" for tool in listed)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/tools/weather", b"{", 400, "malformed"),
        ("/tools/weather", b"[]", 400, "malformed"),
        ("/tools/weather", {}, 422, "invalid_arguments"),
        ("/tools/nope", {}, 404, "not_found"),
        ("/else", {}, 404, "not_found"),
    ],
)
def test_what_is_wrong_is_said(path: str, body: Any, status: int, code: str) -> None:
    answer = call(tools(), path, body)
    assert (answer.status, orjson.loads(answer.body)["error"]["code"]) == (status, code)


def test_the_limit_is_told_with_every_answer_and_kept() -> None:
    mock = tools(rps=5)

    async def scene() -> list[Response]:
        return [await mock.ask("POST", "/tools/weather", {"city": "Rome"}) for _ in range(7)]

    answers = asyncio.run(scene())
    assert [a.status for a in answers] == [200] * 5 + [429] * 2
    first, last = dict(answers[0].headers), dict(answers[-1].headers)
    assert first["ratelimit-policy"] == '"default";q=5;w=1'
    assert first["ratelimit"] == '"default";r=4;t=1'
    assert last["ratelimit"] == '"default";r=0;t=1' and last["retry-after"] == "1"
    mock.now_s += 0.2
    assert call(mock, "/tools/weather", {"city": "Rome"}).status == 200
    assert call(mock, "/tools/weather", {"city": "Rome"}).status == 429


def test_a_slow_limit_lets_one_call_through_in_its_time() -> None:
    mock = tools(rps=0.1)
    assert call(mock, "/tools/weather", {"city": "Rome"}).status == 200
    refused = call(mock, "/tools/weather", {"city": "Rome"})
    assert (refused.status, dict(refused.headers)["retry-after"]) == (429, "10")
    mock.now_s += 10
    assert call(mock, "/tools/weather", {"city": "Rome"}).status == 200


def test_settings_change_at_once() -> None:
    mock = tools(rps=2)
    for _ in range(2):
        call(mock, "/tools/weather", {"city": "Rome"})
    assert call(mock, "/tools/weather", {"city": "Rome"}).status == 429
    mock.change(retry_after=False)
    assert "retry-after" not in dict(call(mock, "/tools/weather", {"city": "Rome"}).headers)
    mock.change(rps=None)
    assert call(mock, "/tools/weather", {"city": "Rome"}).status == 200


def test_a_full_queue_is_503() -> None:
    mock = tools(latency_ms=5, spread=0, servers=1, queue=1)

    async def scene() -> list[int]:
        calls = (mock.ask("POST", "/tools/weather", {"city": "Rome"}) for _ in range(4))
        return [answer.status for answer in await asyncio.gather(*calls)]

    assert sorted(asyncio.run(scene())) == [200, 200, 503, 503]
    assert mock.context.counts.pacing.count == 2
