from __future__ import annotations

from typing import Any

from mock_services.tools.slack import SLACK
from tests.mock_services.tools.mock import Mock

JSON = "application/json"
POST = "/api/chat.postMessage"


def slack(**settings: Any) -> Mock:
    return Mock(SLACK, {"authorization": "Bearer xoxb", "content-type": JSON}, **settings)


def test_a_message_is_posted_from_json_and_from_a_form() -> None:
    mock = slack()
    body = mock.call("POST", POST, {"channel": "C1", "text": "hi"})[1]
    assert (body["ok"], body["channel"], body["message"]["text"]) == (True, "C1", "hi")
    form = Mock(SLACK).call("POST", POST, b"token=xoxb&channel=C2&text=hello+there")[1]
    assert (form["channel"], form["message"]["text"]) == ("C2", "hello there")
    assert mock.call("POST", POST, {"channel": "C1", "text": "again"})[1]["ts"] != body["ts"]


def test_errors_come_with_200() -> None:
    assert Mock(SLACK).call("POST", POST, b"text=x")[1]["error"] == "not_authed"
    assert slack().call("POST", POST, {"channel": "C1"})[1]["error"] == "no_text"
    assert slack().call("POST", POST, b"{")[1]["error"] == "no_text"
    assert slack().call("POST", "/api/nope")[:2] == (
        200,
        {"ok": False, "error": "unknown_method", "req_method": "nope"},
    )


def test_each_method_has_its_own_limit() -> None:
    mock = slack(rps=0.5, window_s=4)
    body = {"channel": "C1", "text": "hi"}
    assert mock.statuses(3, "POST", POST, body) == [200, 200, 429]
    status, refused, headers = mock.call("POST", POST, body)
    assert (status, refused, headers["retry-after"]) == (429, {"ok": False, "error": "ratelimited"}, "2")
    for method in ("auth.test", "conversations.list", "conversations.history", "users.info"):
        assert mock.call("POST", f"/api/{method}")[1]["ok"] is True
    mock.now_s += 2
    assert mock.call("POST", POST, body)[0] == 200
    assert mock.call("POST", POST, body)[0] == 429
