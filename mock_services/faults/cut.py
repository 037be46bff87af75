"""The answer breaks off: a stream after some chunks, a whole answer in the middle of its body."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mock_services.faults.fault import Fault, Moment
from mock_services.faults.filter import Filter
from mock_services.server import Answer, Request, Stream, Writer


class Cut(Fault):
    after_chunks: int = Field(default=5, ge=0, description="events of a stream that still come")
    by: Literal["rst", "fin"] = Field(default="rst", description="how the connection ends")

    def response(self, request: Request, answer: Answer, moment: Moment) -> Answer:
        if isinstance(answer, Stream):
            return answer
        half = answer.body[: len(answer.body) // 2]

        def start(writer: Writer) -> None:
            writer.send(half)
            self.end_it(writer)

        return Stream(
            start,
            answer.headers,
            status=answer.status,
            content_type=answer.content_type,
            content_length=len(answer.body),
        )

    def stream(self, writer: Writer, request: Request, moment: Moment) -> Writer:
        return _Cutting(writer, self)

    def end_it(self, writer: Writer) -> None:
        if self.by == "rst":
            writer.abort()
        else:
            writer.close()


class _Cutting(Filter):
    def __init__(self, writer: Writer, cut: Cut) -> None:
        super().__init__(writer)
        self._left = cut.after_chunks
        self._cut = cut

    def send(self, data: bytes) -> None:
        if self._left <= 0:
            self._cut.end_it(self.writer)
            return
        self._left -= 1
        self.writer.send(data)
