"""Retry hints as the wild has them: missing, zero, fractions, dates, milliseconds, huge, misleading."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.quota.hints import http_date
from mock_services.server import Answer, Request, Response, Stream

_HINTS = {"retry-after", "retry-after-ms", "x-amz-retry-after", "x-should-retry"}


class Hint(Fault):
    """Rewrites the hints of answers that are refusals (429, 503, 529), whoever refused."""

    form: Literal["missing", "zero", "seconds", "float", "date", "ms", "text"] = Field(
        description="seconds, float, date and ms carry `value_s`; text is no number at all; ms is sent alone"
    )
    value_s: float = Field(default=1, ge=0, le=5_000_000, description="what the hint says, true or not")

    def response(self, request: Request, answer: Answer, moment: Moment) -> Answer:
        if isinstance(answer, Stream) or answer.status not in (429, 503, 529):
            return answer
        headers = [(name, value) for name, value in answer.headers if name.lower() not in _HINTS]
        return Response(answer.status, answer.body, [*headers, *self._header()], answer.content_type)

    def _header(self) -> list[tuple[str, str]]:
        values = {
            "zero": ("retry-after", "0"),
            "seconds": ("retry-after", str(round(self.value_s))),
            "float": ("retry-after", f"{self.value_s:.2f}"),
            "date": ("retry-after", http_date(time.time() + self.value_s)),
            "ms": ("retry-after-ms", str(round(self.value_s * 1000))),
            "text": ("retry-after", "soon"),
        }
        return [] if self.form == "missing" else [values[self.form]]
