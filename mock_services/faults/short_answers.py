"""Answers shorter than production's: a test on them measures a load that nobody will have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mock_services.faults.fault import Fault, FaultError, Moment
from mock_services.server import Request, Response
from mock_services.service import Generating

if TYPE_CHECKING:
    from mock_services.host import Host


class ShortAnswers(Fault):
    tokens: int = Field(default=5, ge=1, le=100_000, description="no answer is longer, whatever was asked for")

    def check(self, host: Host) -> None:
        if not isinstance(host.service, Generating):
            raise FaultError(f"{host.mock} generates no text")

    async def before(self, request: Request, moment: Moment) -> Response | None:
        request.marks = {**request.marks, "answer_limit": self.tokens}
        return None
