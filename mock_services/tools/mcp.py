"""An MCP server over streamable HTTP (protocol 2025-06-18): the toolbox as tools, and the ways such servers fail.

A lost session is 404, a limit 429 without a JSON-RPC body, as gateways send it. An answer comes as JSON or as a stream
of events; a stream may end before its answer, to be fetched with GET and Last-Event-ID where events carry ids.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from typing import Any, Literal

import numpy as np
import orjson
from pydantic import Field

from mock_services.server import Answer, Headers, Request, Response, Stream, Writer, json_response
from mock_services.service import Context, MockType, Service, Settings
from mock_services.tools.desk import Desk, DeskSettings, whole_seconds
from mock_services.tools.functions import TOOLBOX, ArgumentError, Tool

PROTOCOLS = ("2025-06-18", "2025-03-26", "2025-11-25")
_SESSIONS = 10_000
_KEPT_ANSWERS = 1_000
_INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32600, -32601, -32602


class McpSettings(DeskSettings):
    answers: Literal["json", "sse"] = "sse"
    event_ids: bool = Field(default=True, description="events carry ids, so that a cut stream can be resumed")
    retry_ms: int = Field(default=200, ge=0, le=60_000, description="what the stream tells clients to wait")
    cut_share: float = Field(default=0, ge=0, le=1, description="share of the streams that end before the answer")
    session_calls: int | None = Field(default=None, ge=1, description="a session is lost after so many requests")
    list_ms: float = Field(default=0, ge=0, le=600_000, description="added to tools/list")
    error_share: float = Field(default=0, ge=0, le=1, description="share of the calls that end in isError")
    drift: bool = Field(default=False, description="every tool's arguments have other names than they had")
    result_kb: int = Field(default=0, ge=0, le=8_192, description="padding of every result")
    token: str = Field(default="", description="the bearer token that is asked for; empty asks for none")


class Mcp:
    """Implements `Service`."""

    def __init__(self, settings: McpSettings, context: Context) -> None:
        self._desk = Desk(settings, context)
        self._own = settings
        self._rng = np.random.default_rng([context.seed, 0x3C9])
        self._sessions: OrderedDict[str, int] = OrderedDict()
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._events = 0

    @property
    def settings(self) -> Settings:
        return self._own

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, McpSettings)
        self._own = settings
        self._desk.change(settings)

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        if request.path not in ("/mcp", "/mcp/"):
            return Response(404, b"Not Found", content_type="text/plain")
        if self._own.token and request.header("authorization") != f"Bearer {self._own.token}":
            return json_response(
                401, {"error": "invalid_token"}, [("www-authenticate", 'Bearer error="invalid_token"')]
            )
        match request.method:
            case "POST":
                return self._post(request)
            case "GET":
                return self._resume(request)
            case "DELETE":
                self._sessions.pop(request.header("mcp-session-id"), None)
                return Response(200)
        return Response(405, headers=[("allow", "GET, POST, DELETE")])

    # the three verbs

    def _post(self, request: Request) -> Answer | Awaitable[Answer]:
        try:
            message = request.json()
        except ValueError:
            message = None
        if not isinstance(message, Mapping) or message.get("jsonrpc") != "2.0":
            return _rpc_error(400, None, _INVALID_REQUEST, "Invalid Request")
        method = message.get("method")
        if not isinstance(method, str):
            return Response(202)  # an answer to something the server asked, which this one never does
        request.record.model = method
        if method == "initialize":
            return self._initialize(message)
        if method == "server/discover":  # the 2026 protocol's first question: this server speaks the ones before
            return _rpc_error(404, message.get("id"), _NO_METHOD, "Method not found")
        return self._in_session(request.header("mcp-session-id"), method, message)

    def _in_session(self, session: str, method: str, message: Mapping[str, Any]) -> Answer | Awaitable[Answer]:
        if not session:
            return _rpc_error(400, message.get("id"), _INVALID_REQUEST, "Bad Request: Missing session ID")
        if not self._is_alive(session):
            return _lost()
        if message.get("id") is None:
            return Response(202)
        standing = self._desk.take() if method == "tools/call" else None
        if standing is not None and standing.is_refused:
            hint = [("retry-after", whole_seconds(standing.wait_s))] if self._own.retry_after else []
            return Response(429, b"Too Many Requests", hint, content_type="text/plain")
        return self._answer(session, method, message)

    def _resume(self, request: Request) -> Answer:
        session = request.header("mcp-session-id")
        if session not in self._sessions:
            return _lost()
        kept = self._kept.get(request.header("last-event-id"))
        if kept is None or kept[0] != session:
            return Response(405, headers=[("allow", "POST, DELETE")])  # no standing stream is offered
        events = self._event(kept[1])

        def start(writer: Writer) -> None:
            writer.send(events)
            writer.finish()

        return Stream(start, [("mcp-session-id", session)])

    def _initialize(self, message: Mapping[str, Any]) -> Response:
        parameters = message.get("params")
        asked = parameters.get("protocolVersion") if isinstance(parameters, Mapping) else None
        session = secrets.token_hex(16)
        self._sessions[session] = 0
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)
        result = {
            "protocolVersion": asked if asked in PROTOCOLS else PROTOCOLS[0],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": "peakproof-tools", "version": "1.0.0"},
        }
        return _rpc_result(message.get("id"), result, [("mcp-session-id", session)])

    def _is_alive(self, session: str) -> bool:
        """Counts the request; a session that has had its calls is gone."""
        if session not in self._sessions:
            return False
        self._sessions[session] += 1
        if self._own.session_calls is not None and self._sessions[session] > self._own.session_calls:
            del self._sessions[session]
            return False
        return True

    # what is asked for

    async def _answer(self, session: str, method: str, message: Mapping[str, Any]) -> Answer:
        identity = message.get("id")
        parameters = message.get("params")
        match method:
            case "ping":
                return _rpc_result(identity, {})
            case "tools/list":
                await asyncio.sleep(self._own.list_ms / 1e3)
                return _rpc_result(identity, {"tools": [self._describe(tool) for tool in TOOLBOX.values()]})
            case "tools/call":
                return await self._call(session, identity, parameters if isinstance(parameters, Mapping) else {})
        return _rpc_error(200, identity, _NO_METHOD, "Method not found")

    async def _call(self, session: str, identity: Any, parameters: Mapping[str, Any]) -> Answer:
        tool = TOOLBOX.get(str(parameters.get("name")))
        if tool is None:
            return _rpc_error(200, identity, _INVALID_PARAMS, f"Unknown tool: {parameters.get('name')}")
        if not await self._desk.work():
            return Response(503, b"Service Unavailable", content_type="text/plain")
        arguments = parameters.get("arguments")
        answer = orjson.dumps(
            {
                "jsonrpc": "2.0",
                "id": identity,
                "result": self._result(tool, arguments if isinstance(arguments, Mapping) else {}),
            }
        )
        if self._own.answers == "json":
            return Response(200, answer)
        is_cut = self._own.cut_share > 0 and self._rng.random() < self._own.cut_share
        first = self._event(b"", kept_for=(session, answer)) if self._own.event_ids else b""

        def start(writer: Writer) -> None:
            writer.send(first or b": no events yet\n\n")
            if not is_cut:
                writer.send(self._event(answer))
            writer.finish()

        return Stream(start, [("mcp-session-id", session)])

    def _result(self, tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if self._own.error_share > 0 and self._rng.random() < self._own.error_share:
            return _said(f"{tool.name}: the service behind this tool is not available", is_error=True)
        if self._own.drift:
            arguments = {name.removesuffix("_v2"): value for name, value in arguments.items() if name.endswith("_v2")}
        try:
            text = str(tool.call(arguments)["result"])
        except ArgumentError as error:
            return _said(str(error), is_error=True)
        return _said(text + " " * (self._own.result_kb * 1024), is_error=False)

    def _describe(self, tool: Tool) -> dict[str, Any]:
        schema = dict(tool.schema)
        if self._own.drift:
            schema["properties"] = {f"{name}_v2": value for name, value in schema["properties"].items()}
            schema["required"] = [f"{name}_v2" for name in schema["required"]]
        return {"name": tool.name, "description": tool.description, "inputSchema": schema}

    def _event(self, data: bytes, kept_for: tuple[str, bytes] | None = None) -> bytes:
        """One event. `kept_for` keeps an answer for whoever asks for what came after this event."""
        if not self._own.event_ids:
            return b"event: message\ndata: " + data + b"\n\n"
        self._events += 1
        name = f"e{self._events}"
        if kept_for is not None:
            self._kept[name] = kept_for
            if len(self._kept) > _KEPT_ANSWERS:
                self._kept.popitem(last=False)
        return b"id: %b\nretry: %d\nevent: message\ndata: %b\n\n" % (name.encode(), self._own.retry_ms, data)


def _said(text: str, *, is_error: bool) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def _rpc_result(identity: Any, result: Any, headers: Headers = ()) -> Response:
    return json_response(200, {"jsonrpc": "2.0", "id": identity, "result": result}, headers)


def _rpc_error(status: int, identity: Any, code: int, message: str) -> Response:
    return json_response(status, {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message}})


def _lost() -> Response:
    """Not a JSON-RPC body: the client's own "Session terminated" is to be seen."""
    return Response(404, b"Session not found", content_type="text/plain")


def build(settings: McpSettings, context: Context) -> Service:
    return Mcp(settings, context)


MCP = MockType(McpSettings, build)
