"""A Slack-like Web API: a limit for each method, told by 429, Retry-After and an `error` of `ratelimited`."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from pydantic import Field

from mock_services.server import Answer, Request, Response, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.tools.desk import Desk, DeskSettings, whole_seconds

_TOLD: Mapping[str, dict[str, Any]] = {
    "auth.test": {
        "team": "Team",
        "user": "copilot",
        "team_id": "T1",
        "user_id": "U1",
        "url": "https://team.example.com/",
    },
    "conversations.history": {"messages": [], "has_more": False},
    "conversations.list": {
        "channels": [{"id": "C0", "name": "general", "is_channel": True, "is_member": True}],
        "response_metadata": {"next_cursor": ""},
    },
    "users.info": {"user": {"id": "U1", "name": "copilot"}},
}
_METHODS = ("chat.postMessage", *_TOLD)


class SlackSettings(DeskSettings):
    """`rps` holds for each method apart. chat.postMessage: about one a second, with short bursts."""

    rps: float | None = Field(default=1.0, gt=0, le=1e6, description="calls a second of each method; beyond it: 429")
    window_s: float = Field(default=5.0, gt=0, le=86_400, description="rps x window may come at once")


class Slack:
    """Implements `Service`."""

    def __init__(self, settings: SlackSettings, context: Context) -> None:
        self._desks = {method: Desk(settings, context) for method in _METHODS}
        self._own = settings
        self._messages = 0

    @property
    def settings(self) -> Settings:
        return self._own

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, SlackSettings)
        self._own = settings
        for desk in self._desks.values():
            desk.change(settings)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        method = request.path.removeprefix("/api/")
        desk = self._desks.get(method)
        if desk is None:
            return json_response(200, {"ok": False, "error": "unknown_method", "req_method": method})
        arguments = _arguments(request)
        if not request.headers.get(b"authorization") and not arguments.get("token"):
            return json_response(200, {"ok": False, "error": "not_authed"})
        standing = desk.take()
        if standing is not None and standing.is_refused:
            hint = [("retry-after", whole_seconds(standing.wait_s))] if self._own.retry_after else []
            return json_response(429, {"ok": False, "error": "ratelimited"}, hint)
        return self._answer(desk, method, arguments)

    async def _answer(self, desk: Desk, method: str, arguments: dict[str, Any]) -> Answer:
        if not await desk.work():
            return Response(503, b"upstream connect error", content_type="text/plain")
        if method == "chat.postMessage":
            return self._post(arguments)
        return _ok(**_TOLD[method])

    def _post(self, arguments: dict[str, Any]) -> Response:
        if not arguments.get("text") and not arguments.get("blocks"):
            return json_response(200, {"ok": False, "error": "no_text"})
        self._messages += 1
        stamp = f"17000{self._messages:05d}.000100"
        message = {"type": "message", "text": arguments.get("text", ""), "ts": stamp, "user": "U1"}
        return _ok(channel=str(arguments.get("channel") or "C0"), ts=stamp, message=message)


def _arguments(request: Request) -> dict[str, Any]:
    """From the query, and from a JSON or form body; an unreadable body holds none."""
    arguments: dict[str, Any] = dict(request.query())
    if b"json" in request.headers.get(b"content-type", b""):
        try:
            body = request.json()
        except ValueError:
            body = None
        return arguments | (body if isinstance(body, dict) else {})
    return arguments | dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _ok(**fields: Any) -> Response:
    return json_response(200, {"ok": True, **fields})


def build(settings: SlackSettings, context: Context) -> Service:
    return Slack(settings, context)


SLACK = MockType(SlackSettings, build)
