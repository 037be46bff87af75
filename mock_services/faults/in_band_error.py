"""Status 200, and then an error: inside the stream, or as the body."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Filter
from mock_services.faults.voice import error_event, say_error
from mock_services.server import Answer, Request, Response, Stream, Writer


class InBandError(Fault):
    after_chunks: int = Field(default=5, ge=0, description="events of a stream that come before the error; 0: none")
    message: str = Field(default="", max_length=2000, description="the service's own words if empty")
    end_marker: bool = Field(default=False, description="close the stream with [DONE] as if nothing had been")

    def response(self, request: Request, answer: Answer, moment: Moment) -> Answer:
        if isinstance(answer, Stream):
            return answer
        said = say_error(moment.host, request, 500, self.message)
        request.record.outcome = "in_band_error"
        return Response(200, said.body, answer.headers, said.content_type)

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return _Failing(writer, self, request, error_event(moment.host, request, self.message))


class _Failing(Filter):
    def __init__(self, writer: Writer, fault: InBandError, request: Request, event: bytes) -> None:
        super().__init__(writer)
        self._left = fault.after_chunks
        self._end_marker = fault.end_marker
        self._request = request
        self._event = event

    def send(self, data: bytes) -> None:
        if self.writer.closed:
            return
        if self._left > 0:
            self._left -= 1
            self.writer.send(data)
            return
        self._request.record.outcome = "in_band_error"
        self.writer.send(self._event)
        if self._end_marker:
            self.writer.send(b"data: [DONE]\n\n")
        self.writer.finish()
