from __future__ import annotations

from typing import Any

import orjson
import pytest

from mock_services.tools.mcp import MCP
from tests.mock_services.tools.mock import Mock

CALL = {"name": "calculator", "arguments": {"expression": "6 * 7"}}


class Session:
    """A client of the raw protocol."""

    def __init__(self, **settings: Any) -> None:
        self.mock = Mock(MCP, **settings)
        asked = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        status, body, headers = self.mock.call("POST", "/mcp", self.message("initialize", asked, 1))
        assert status == 200 and body["result"]["protocolVersion"] == "2025-06-18"
        self.id = headers["mcp-session-id"]

    @staticmethod
    def message(method: str, params: Any = None, identity: Any = None) -> dict[str, Any]:
        said = {"jsonrpc": "2.0", "method": method, "id": identity, "params": params}
        return {name: value for name, value in said.items() if value is not None}

    def send(self, method: str, params: Any = None, identity: Any = 7) -> tuple[int, Any, dict[str, str]]:
        return self.mock.call("POST", "/mcp", self.message(method, params, identity), mcp_session_id=self.id)


def events(body: bytes) -> list[dict[str, str]]:
    blocks = [block for block in body.decode().split("\n\n") if block]
    return [dict(line.split(": ", 1) for line in block.split("\n") if ": " in line) for block in blocks]


def result(body: bytes) -> Any:
    return orjson.loads(events(body)[-1]["data"])["result"]


def test_a_session_from_hello_to_goodbye() -> None:
    session = Session()
    assert session.send("notifications/initialized", identity=None)[0] == 202
    assert session.send("ping")[1]["result"] == {}
    tools = session.send("tools/list")[1]["result"]["tools"]
    assert {tool["name"] for tool in tools} == {"order_status", "weather", "calculator", "search"}
    status, body, _ = session.send("tools/call", CALL)
    assert status == 200
    assert result(body) == {"content": [{"type": "text", "text": "6 * 7 = 42"}], "isError": False}
    assert orjson.loads(events(body)[-1]["data"])["id"] == 7
    assert session.mock.call("DELETE", "/mcp", mcp_session_id=session.id)[0] == 200
    assert session.send("ping")[0] == 404


def test_an_answer_may_be_plain_json() -> None:
    status, body, _ = Session(answers="json").send("tools/call", CALL)
    assert (status, body["result"]["content"][0]["text"]) == (200, "6 * 7 = 42")


def test_what_is_wrong_is_said_in_json_rpc() -> None:
    session = Session()
    assert session.send("tools/call", {"name": "nope"})[1]["error"]["code"] == -32602
    assert session.send("resources/list")[1]["error"]["code"] == -32601
    wrong = result(session.send("tools/call", {"name": "weather", "arguments": {}})[1])
    assert wrong["isError"] and "city" in wrong["content"][0]["text"]
    assert (
        session.mock.call("POST", "/mcp", session.message("server/discover", identity=1))[1]["error"]["code"] == -32601
    )
    assert session.mock.call("POST", "/mcp", session.message("ping", identity=1))[0] == 400
    for garbage in (b"{", b"[]", b"3", {"method": "ping"}):
        assert session.mock.call("POST", "/mcp", garbage)[0] == 400
    assert session.mock.call("GET", "/else")[0] == 404
    assert session.mock.call("PUT", "/mcp")[0] == 405


def test_a_cut_stream_is_resumed_by_its_event_id_and_by_its_own_session_only() -> None:
    session = Session(cut_share=1.0)
    body = session.send("tools/call", CALL)[1]
    (only,) = events(body)
    assert only["retry"] == "200" and not only.get("data")
    status, rest, _ = session.mock.call("GET", "/mcp", mcp_session_id=session.id, last_event_id=only["id"])
    assert status == 200 and result(rest)["content"][0]["text"] == "6 * 7 = 42"
    other = session.mock.call("POST", "/mcp", session.message("initialize", {}, 1))[2]["mcp-session-id"]
    assert session.mock.call("GET", "/mcp", mcp_session_id=other, last_event_id=only["id"])[0] == 405
    assert session.mock.call("GET", "/mcp", mcp_session_id="nope", last_event_id=only["id"])[0] == 404


def test_without_ids_a_cut_answer_is_lost() -> None:
    body = Session(cut_share=1.0, event_ids=False).send("tools/call", CALL)[1]
    assert b"42" not in body and b"id:" not in body


def test_a_session_is_lost_after_its_calls() -> None:
    session = Session(session_calls=2)
    assert [session.send("ping")[0] for _ in range(4)] == [200, 200, 404, 404]


def test_the_limit_is_no_json_rpc() -> None:
    session = Session(rps=1)
    assert session.send("tools/call", CALL)[0] == 200
    status, body, headers = session.send("tools/call", CALL)
    assert (status, body, headers["retry-after"]) == (429, b"Too Many Requests", "1")
    assert session.send("tools/list")[0] == 200


@pytest.mark.parametrize(
    ("settings", "text", "is_error"),
    [({"error_share": 1.0}, "not available", True), ({"drift": True}, "expression", True)],
)
def test_bad_results_on_purpose(settings: dict[str, Any], text: str, is_error: bool) -> None:
    given = result(Session(**settings).send("tools/call", CALL)[1])
    assert text in given["content"][0]["text"] and given["isError"] is is_error


def test_a_drifted_schema_is_true_to_what_it_says() -> None:
    session = Session(drift=True)
    tools = {tool["name"]: tool["inputSchema"] for tool in session.send("tools/list")[1]["result"]["tools"]}
    assert tools["calculator"]["required"] == ["expression_v2"]
    drifted = {"name": "calculator", "arguments": {"expression_v2": "6 * 7"}}
    assert result(session.send("tools/call", drifted)[1])["isError"] is False


def test_an_oversized_result() -> None:
    assert len(result(Session(result_kb=64).send("tools/call", CALL)[1])["content"][0]["text"]) > 65_000


def test_a_token_where_one_is_asked_for() -> None:
    mock = Mock(MCP, token="s3cret")
    status, _, headers = mock.call("POST", "/mcp", Session.message("initialize", {}, 1))
    assert status == 401 and "invalid_token" in headers["www-authenticate"]
    hello = Session.message("initialize", {}, 1)
    assert mock.call("POST", "/mcp", hello, authorization="Bearer s3cret")[0] == 200
