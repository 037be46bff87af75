"""An event that is not valid JSON, in an answer that otherwise looks well."""

from __future__ import annotations

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Filter
from mock_services.server import Answer, Request, Response, Stream, Writer


class MalformedChunk(Fault):
    after_chunks: int = Field(default=3, ge=0, description="good events before the bad one")
    chunks: int = Field(default=1, ge=1, description="so many bad ones; then the stream goes on")

    def response(self, request: Request, answer: Answer, moment: Moment) -> Answer:
        if isinstance(answer, Stream):
            return answer
        return Response(answer.status, answer.body[: len(answer.body) * 2 // 3], answer.headers, answer.content_type)

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return _Mangling(writer, self)


class _Mangling(Filter):
    def __init__(self, writer: Writer, fault: MalformedChunk) -> None:
        super().__init__(writer)
        self._first = fault.after_chunks
        self._last = fault.after_chunks + fault.chunks
        self._index = 0

    def send(self, data: bytes) -> None:
        """The event keeps its frame and loses the last third of its JSON."""
        if self._first <= self._index < self._last:
            event = data.rstrip(b"\n")
            data = event[: max(len(event) * 2 // 3, 1)] + b"\n\n"
        self._index += 1
        self.writer.send(data)
