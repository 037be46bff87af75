"""The stream ends as if it were complete, but its end marker never came: what several SDKs take for success."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Filter
from mock_services.server import Request, Writer


class SilentEof(Fault):
    after_chunks: int = Field(default=5, ge=0, description="events of the stream that still come")

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return _Ending(writer, self.after_chunks, request)


class _Ending(Filter):
    def __init__(self, writer: Writer, left: int, request: Request) -> None:
        super().__init__(writer)
        self._left = left
        self._request = request

    def send(self, data: bytes) -> None:
        if self._left > 0:
            self._left -= 1
            self.writer.send(data)
        elif not self.writer.closed:
            self._request.record.outcome = "cut"
            self.writer.finish()
