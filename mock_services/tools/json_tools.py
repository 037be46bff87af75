"""Plain JSON tools with IETF rate-limit headers: `POST /tools/{name}` with the arguments, `GET /tools` for the list."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from mock_services.server import Answer, Headers, Request, Response, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.tools.desk import Desk, DeskSettings, ietf_headers, whole_seconds
from mock_services.tools.functions import TOOLBOX, ArgumentError, Tool


class ToolsSettings(DeskSettings):
    """Those of every tool mock."""


class Tools:
    """Implements `Service`."""

    def __init__(self, settings: ToolsSettings, context: Context) -> None:
        self._desk = Desk(settings, context)

    @property
    def settings(self) -> Settings:
        return self._desk.settings

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, ToolsSettings)
        self._desk.change(settings)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        if request.path in ("/", "/tools"):
            return json_response(200, {"tools": [describe(tool) for tool in TOOLBOX.values()]})
        tool = TOOLBOX.get(request.path.removeprefix("/tools/"))
        if tool is None:
            return _error(404, "not_found", f"there is no {request.path}")
        if request.method != "POST":
            return _error(405, "method_not_allowed", "call a tool with POST")
        standing = self._desk.take()
        headers = [] if standing is None else ietf_headers(standing)
        if standing is not None and standing.is_refused:
            if self._desk.settings.retry_after:
                headers.append(("retry-after", whole_seconds(standing.wait_s)))
            return _error(429, "rate_limited", f"{tool.name}: too many calls", headers)
        return self._call(tool, request, headers)

    async def _call(self, tool: Tool, request: Request, headers: Headers) -> Answer:
        if not await self._desk.work():
            return _error(503, "overloaded", f"{tool.name}: the queue is full", headers)
        try:
            arguments = request.json() if request.body else {}
        except ValueError as error:
            return _error(400, "malformed", f"the body is not JSON: {error}", headers)
        if not isinstance(arguments, Mapping):
            return _error(400, "malformed", "the body must be a JSON object", headers)
        try:
            return json_response(200, {"tool": tool.name, **tool.call(arguments)}, headers)
        except ArgumentError as error:
            return _error(422, "invalid_arguments", str(error), headers)


def describe(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)}


def _error(status: int, code: str, message: str, headers: Headers = ()) -> Response:
    return json_response(status, {"error": {"code": code, "message": message}}, headers)


def build(settings: ToolsSettings, context: Context) -> Service:
    return Tools(settings, context)


TOOLS = MockType(ToolsSettings, build)
