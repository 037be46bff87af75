"""What goes over the wire: a request, and the two kinds of answer, whole (`Response`) and piece by piece (`Stream`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qsl

import orjson

from mock_services.evidence import Record
from mock_services.server.head import Head

Headers = Sequence[tuple[str, str]]


class Admission(Enum):
    """What becomes of a connection that was just accepted."""

    SERVE = "serve"
    RESET = "reset"
    IGNORE = "ignore"
    """Accepted and never read: a black hole."""


class Hang(Exception):  # noqa: N818 -- an order to the server, not an error of it
    """Raised instead of answering: the request is held, unanswered, until the client leaves."""


class Reset(Exception):  # noqa: N818 -- an order to the server, not an error of it
    """Raised instead of answering: the connection ends with a TCP RST."""


_NO_MARKS: Mapping[str, Any] = MappingProxyType({})


class Request:
    """One request, whole: what its head says, and its body."""

    __slots__ = ("body", "headers", "keep_alive", "marks", "method", "path", "query_string", "record")

    def __init__(self, head: Head, body: bytes) -> None:
        self.method = head.method
        self.path = head.path
        self.query_string = head.query_string
        self.headers: Mapping[bytes, bytes] = head.headers
        self.body = body
        self.keep_alive = head.keep_alive
        self.marks: Mapping[str, Any] = _NO_MARKS
        """What faults ask of the text that will be generated: answer_limit, is_swapped, is_wide, tokens_per_event."""
        self.record = Record(head.method, head.path, head.run, head.seq)
        """What the request log will say; the service fills in model, tokens and its own view of the outcome."""

    def header(self, name: str, default: str = "") -> str:
        value = self.headers.get(name.lower().encode("ascii"))
        return default if value is None else value.decode("latin-1")

    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON. Raises ValueError where it is not."""
        return orjson.loads(self.body)


class Response:
    """A whole answer. Not to be changed once it was sent: what was rendered is kept for the next time."""

    __slots__ = ("body", "content_type", "headers", "rendered", "status")

    def __init__(
        self, status: int, body: bytes = b"", headers: Headers = (), content_type: str = "application/json"
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.content_type = content_type
        self.rendered: bytes | None = None
        """The bytes of the answer on a connection that is kept."""


class Writer(Protocol):
    """Where a stream puts its bytes. Every method is quiet once the client has left."""

    @property
    def closed(self) -> bool:
        """The exchange has ended, by either side."""

    def send(self, data: bytes) -> None:
        """One chunk, on the wire at once (the head goes out with the first one)."""

    def finish(self) -> None:
        """The proper end: last chunk, connection kept."""

    def close(self) -> None:
        """Silent end: FIN in the middle of the body."""

    def abort(self) -> None:
        """TCP RST in the middle of the body."""

    def on_closed(self, call: Callable[[], None]) -> None:
        """`call` is called once, when the exchange ends, by whichever side."""

    async def drain(self) -> None:
        """Waits while the client reads too slowly."""


class Stream:
    """An answer in pieces. `start` gets the writer once and sends from there on, whenever it likes.

    `filters` wrap the writer (faults use them); `content_length` sends a body of a stated length instead of chunks.
    """

    __slots__ = ("content_length", "content_type", "eager_head", "filters", "headers", "start", "status")

    def __init__(
        self,
        start: Callable[[Writer], None],
        headers: Headers = (),
        *,
        status: int = 200,
        content_type: str = "text/event-stream; charset=utf-8",
        content_length: int | None = None,
        eager_head: bool = False,
    ) -> None:
        self.start = start
        self.headers = headers
        self.status = status
        self.content_type = content_type
        self.content_length = content_length
        self.eager_head = eager_head
        """Send the head at once instead of with the first bytes."""
        self.filters: list[Callable[[Writer], Writer]] = []

    @classmethod
    def of(cls, chunks: AsyncIterator[bytes], headers: Headers = (), **rest: Any) -> Stream:
        """A stream that sends what an async iterator yields; the iterator is closed when the client leaves."""
        from mock_services.server.pump import pump

        return cls(lambda writer: pump(chunks, writer), headers, **rest)


Answer = Response | Stream


class Peer(Protocol):
    """A connection, as the app sees it."""

    def close(self) -> None:
        """FIN."""

    def reset(self) -> None:
        """RST."""

    def limit_idle(self, idle_limit_s: float | None) -> None:
        """Closes itself once it has been idle for so long; None: as is usual."""


class App(Protocol):
    """What a connection needs of whoever answers."""

    def admit(self, peer: Peer) -> Admission:
        """A connection was accepted; what becomes of it?"""

    def left(self, peer: Peer) -> None:
        """The connection is gone."""

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """At once where it can (no task is made then), else an awaitable."""

    def finished(self, request: Request) -> None:
        """The exchange is over; `request.record` is complete."""


def json_response(status: int, value: Any, headers: Headers = ()) -> Response:
    return Response(status, orjson.dumps(value), headers)
