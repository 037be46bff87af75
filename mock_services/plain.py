"""A dependency without a dialect: any path, one JSON answer."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import Field

from mock_services.pace import until
from mock_services.server import Answer, Request, Response
from mock_services.service import Context, MockType, Service, Settings


class PlainSettings(Settings):
    status: int = Field(default=200, ge=200, le=599)
    body: Any = Field(default={"ok": True}, description="any JSON value")
    latency_ms: float = Field(default=0, ge=0, le=600_000)


class Plain:
    def __init__(self, settings: PlainSettings, context: Context) -> None:
        self._context = context
        self.change(settings)

    def change(self, settings: Settings) -> None:
        assert isinstance(settings, PlainSettings)
        self.settings: Settings = settings
        self._answer = Response(settings.status, orjson.dumps(settings.body))
        self._delay_s = settings.latency_ms / 1000

    def handle(self, request: Request) -> Any:
        return self._later() if self._delay_s else self._answer

    async def _later(self) -> Answer:
        answer = self._answer
        await until(self._context.clock() + self._delay_s, self._context)
        return answer


def build(settings: PlainSettings, context: Context) -> Service:
    return Plain(settings, context)


PLAIN = MockType(PlainSettings, build)
