"""From what a journey asks for to a request that can go out: what repeats is made once.

A step of a journey mostly differs from arrival to arrival in its body alone, and often not even in that. So the parts
that repeat are kept by the step's name, method and path; of a body that comes twice in a row the whole request is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.engine.exchange import Request
from harness.engine.journeys.builtin import join
from harness.engine.journeys.steps import Ask
from harness.engine.transport.wire import render_headers

_ROUTES_KEPT = 256


class Route:
    """One step as it was asked for last."""

    __slots__ = ("asked", "dialect", "headers", "last", "method", "name", "path", "said", "step", "stream", "verb")

    def __init__(self, ask: Ask, path: bytes, headers: bytes, step: int) -> None:
        self.said: Mapping[str, str] | None = dict(ask.said) if ask.said else ask.said  # it may change in their hands
        self.name, self.asked, self.verb = ask.name, ask.path, ask.method
        self.dialect = ask.dialect
        self.stream = ask.stream
        self.method = ask.method.encode()
        self.path = path
        self.headers = headers
        self.step = step
        self.last: Request | None = None


class Routes:
    """All steps of a worker's journeys, a bounded number of them."""

    def __init__(self, base: str, number_of: Callable[[str], int]) -> None:
        """`base` is the path of the target's own URL, without a final slash; `number_of` gives a step's number."""
        self._base = base
        self._number_of = number_of
        self._last: Route | None = None
        """The route taken last: a step's name, path and method are mostly the very same strings each time."""
        self._known: dict[tuple[str, str, str], Route] = {}

    def request(self, ask: Ask) -> Request:
        """The request, but for the number of its arrival: it may be the same object for many of them. Raises UsageError
        for header lines that cannot be sent."""
        route = self._last
        if route is None or route.name is not ask.name or route.asked is not ask.path or route.verb is not ask.method:
            route = self._known.get((ask.name, ask.method, ask.path))
        if route is None or route.said != ask.said or route.dialect != ask.dialect or route.stream is not ask.stream:
            route = self._learn(ask)
        self._last = route
        last, expect = route.last, ask.expect
        if last is not None and not expect and last.body == ask.body:
            last.repeats = True
            return last
        request = Request(
            route.method,
            route.path,
            route.headers,
            ask.body,
            dialect=route.dialect,
            stream=route.stream,
            nonce=expect.encode() if expect else b"",
            keep_body=True,
            step=route.step,
        )
        route.last = None if expect else request
        return request

    def _learn(self, ask: Ask) -> Route:
        path = join(self._base, ask.path) if ask.usual else ask.path
        lines = render_headers(ask.said) if ask.said else b""
        if len(self._known) >= _ROUTES_KEPT:
            self._known.clear()
        route = self._known[ask.name, ask.method, ask.path] = Route(
            ask, path.encode(), lines, self._number_of(ask.name)
        )
        return route
