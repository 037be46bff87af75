"""Journeys in flight: a generator yields requests and the connection's own callback resumes it with what came of them.

No greenlet for each arrival; straight-line code all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Protocol

from harness.engine.exchange import Done, Exchange, Request
from harness.engine.journeys.arrival import Arrival
from harness.engine.journeys.builtin import BuiltIn, Shot
from harness.engine.journeys.prompts import Prompts
from harness.engine.journeys.steps import Answer, Ask, StepFailed, Think
from harness.engine.recorder import Recorder
from harness.engine.share import Share
from harness.engine.transport.wire import render_headers
from harness.results import NEVER, Outcome, Reason

GeneratorJourney = Callable[[Arrival], Generator[Any, Any, None]]
AnyJourney = GeneratorJourney | BuiltIn


_OK, _DEGRADED, _NO_REASON = Outcome.OK, Outcome.DEGRADED, Reason.NONE  # bound once: see exchange.py
_METHODS = {method: method.encode() for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")}
_LINES_KEPT = 256


class Sends(Protocol):
    """The part of the transport's door that a flight needs."""

    def send(self, request: Request, done: Done) -> None: ...


class Flights:
    """All journeys of a worker that are under way."""

    def __init__(
        self,
        *,
        loop: Any,
        clock_ns: Callable[[], int],
        transport: Sends,
        recorder: Recorder,
        prompts: Prompts,
        journeys: tuple[AnyJourney, ...],
    ) -> None:
        self.loop = loop
        self.clock_ns = clock_ns
        self.transport = transport
        self.recorder = recorder
        self._prompts = prompts
        self._journeys: tuple[Any, ...] = journeys
        self._singles = tuple(made.shot if isinstance(made, BuiltIn) else None for made in journeys)
        self._open: set[Flight] = set()
        self._shots: set[Shot] = set()
        self._on_hit = self._hit
        self._header_lines: dict[tuple[tuple[str, str], ...], bytes] = {}
        self.troubles: dict[str, int] = {}
        """What journeys raised, by text; at most 20 kinds."""

    def fire(self, share: Share, index: int, now: int) -> None:
        journey = share.journey[index]
        single = self._singles[journey]
        if single is not None:  # no generator for one request, and the request is all there is to keep of it
            shot = single(self._prompts, share, index, now)
            self.recorder.enter(now)
            self._shots.add(shot)
            self.transport.send(shot, self._on_hit)
            return
        arrival = Arrival(
            self._prompts,
            share.seq[index],
            share.tokens_in[index],
            share.tokens_out[index],
            tenant=share.tenant[index],
        )
        flight = Flight(self, share, index)
        self.recorder.enter(now)
        self._open.add(flight)
        flight.begin(self._journeys[journey], arrival, now)

    def _hit(self, exchange: Exchange) -> None:
        shot: Any = exchange.request
        if shot not in self._shots:
            return  # cancelled meanwhile: its row is written
        self._shots.remove(shot)
        if exchange.finished_ns < 0:
            exchange.finished_ns = self.clock_ns()
        self.recorder.leave(exchange.finished_ns)
        self.recorder.arrival(shot.share, shot.index, exchange)

    def land(self, flight: Flight, total: Exchange) -> None:
        """The journey is over; `total` is what it came to."""
        self._open.discard(flight)
        if total.finished_ns < 0:
            total.finished_ns = self.clock_ns()
        self.recorder.leave(total.finished_ns)
        self.recorder.arrival(flight.share, flight.index, total)

    def cancel_all(self) -> None:
        """Ends what is still under way (the drain is over): outcome `cancelled`, reason `stopped`."""
        for flight in list(self._open):
            flight.cancel()
        shots, self._shots = self._shots, set()
        for shot in shots:
            total = Exchange(shot)
            total.outcome, total.reason, total.sent_ns = Outcome.CANCELLED, Reason.STOPPED, shot.asked_ns
            total.finished_ns = self.clock_ns()
            self.recorder.leave(total.finished_ns)
            self.recorder.arrival(shot.share, shot.index, total)

    def header_lines(self, headers: Mapping[str, str]) -> bytes:
        """As they go out. Journeys repeat theirs, so what was rendered once is kept, for a bounded number."""
        key = tuple(headers.items())
        lines = self._header_lines.get(key)
        if lines is None:
            if len(self._header_lines) >= _LINES_KEPT:
                self._header_lines.clear()
            lines = self._header_lines[key] = render_headers(headers)
        return lines

    def trouble(self, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"[:200]
        if text in self.troubles or len(self.troubles) < 20:
            self.troubles[text] = self.troubles.get(text, 0) + 1


class Flight:
    """One journey under way."""

    __slots__ = (
        "_answer",
        "_asked_ns",
        "_bytes_in",
        "_count",
        "_first_sent_ns",
        "_flights",
        "_generator",
        "_last",
        "_required",
        "_retries",
        "_softened",
        "_timer",
        "index",
        "share",
    )

    def __init__(self, flights: Flights, share: Share, index: int) -> None:
        self._flights = flights
        self.share = share
        self.index = index
        self._generator: Generator[Any, Any, None] | None = None
        self._asked_ns = 0
        self._count = 0
        """Requests that have come back."""
        self._last: Exchange | None = None
        self._answer: Exchange | None = None
        """The last exchange that held content: what the user was waiting for."""
        self._first_sent_ns = NEVER
        self._retries = 0
        self._bytes_in = 0
        self._softened = False
        """A step failed and the journey went on without it."""
        self._required = True
        self._timer: Any = None

    def begin(self, journey: GeneratorJourney, arrival: Arrival, now: int) -> None:
        self._asked_ns = now
        try:
            self._generator = journey(arrival)
            item = next(self._generator)
        except StopIteration:
            self._ended_well()
        except Exception as error:  # the journey is the user's code: whatever it raises is an outcome
            self._raised(error)
        else:
            self._do(item)

    def cancel(self) -> None:
        if self._generator is not None:
            self._end(Outcome.CANCELLED, Reason.STOPPED)

    def _do(self, item: Any) -> None:
        """Does what the journey yielded; what comes of it resumes the journey later, never from inside here."""
        if item.__class__ is Request:
            self._flights.transport.send(item, self._done)
        elif item.__class__ is Ask:
            self._required = item.required
            self._flights.transport.send(self._render(item), self._done)
        elif item.__class__ is Think:
            self._timer = self._flights.loop.timer(item.seconds)
            self._timer.start(self._thought, update=True)  # by the clock, not by the loop's cached time
        else:
            self._raised(TypeError(f"a journey yields steps (chat, search, http, think, ...), not {item!r:.80}"))

    def _render(self, ask: Ask) -> Request:
        return Request(
            _METHODS.get(ask.method) or ask.method.encode(),
            ask.path.encode(),
            self._flights.header_lines(ask.headers),
            ask.body,
            dialect=ask.dialect,
            stream=ask.stream,
            nonce=ask.nonce,
            keep_body=True,
            step=self._flights.recorder.step_number(ask.step),
            seq=self.share.seq[self.index],
        )

    def _done(self, exchange: Exchange) -> None:
        if self._generator is None:
            return  # cancelled meanwhile: its row is written
        self._count = count = self._count + 1
        if count == 1:
            self._first_sent_ns = exchange.sent_ns
        else:
            recorder = self._flights.recorder
            if count == 2 and self._last is not None:
                recorder.step(self.share, self.index, self._last, recorder.start_ns + self.share.due_ns[self.index])
            recorder.step(self.share, self.index, exchange, self._asked_ns)
        self._last = exchange
        self._bytes_in += exchange.bytes_in
        if exchange.attempts > 1:
            self._retries += exchange.attempts - 1
        if exchange.first_token_ns >= 0:
            self._answer = exchange
        outcome = exchange.outcome
        ok = outcome is _OK or outcome is _DEGRADED
        if not ok:
            self._softened = True
        if not exchange.request.keep_body:
            self._resume(exchange)
        elif ok or not self._required:
            self._resume(Answer(exchange))
        else:
            self._resume(None, StepFailed(Answer(exchange)))

    def _thought(self) -> None:
        self._timer = None
        if self._generator is not None:
            self._resume(None)

    def _resume(self, value: Any, failed: StepFailed | None = None) -> None:
        generator = self._generator
        assert generator is not None
        self._asked_ns = self._flights.clock_ns()
        try:
            item = generator.send(value) if failed is None else generator.throw(failed)
        except StopIteration:
            self._ended_well()
        except StepFailed as step:
            self._end(step.answer.outcome, step.answer._exchange.reason)
        except Exception as error:
            self._raised(error)
        else:
            self._do(item)

    def _ended_well(self) -> None:
        last = self._last
        if last is None:  # nothing was asked, so nothing was answered well
            self._raised(ValueError("a journey ended without a request"))
        elif not (last.outcome is _OK or last.outcome is _DEGRADED):
            self._end(last.outcome, last.reason)
        elif self._softened:
            self._end(_DEGRADED, _NO_REASON)
        else:
            self._end(last.outcome, _NO_REASON)

    def _raised(self, error: BaseException) -> None:
        self._flights.trouble(error)
        reason = Reason.CHECK_FAILED if isinstance(error, AssertionError) else Reason.JOURNEY_ERROR
        self._end(Outcome.WRONG_SHAPE if self._count else Outcome.NOT_SENT, reason)

    def _end(self, outcome: Outcome, reason: Reason) -> None:
        """Sums the journey up in one exchange and lands. The tokens are those of its answer, so that time and tokens
        belong to the same stream; bytes and retries are of all its requests."""
        generator, self._generator = self._generator, None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._count == 1 and self._last is not None and outcome is self._last.outcome:
            self._flights.land(self, self._last)
        else:
            self._flights.land(self, self._sum_up(outcome, reason))
        if generator is not None:
            generator.close()

    def _sum_up(self, outcome: Outcome, reason: Reason) -> Exchange:
        last, answer = self._last, self._answer
        total = Exchange(last.request if last else Request(b"", b""))
        total.outcome, total.reason = outcome, reason
        total.sent_ns = self._first_sent_ns if self._count or outcome is Outcome.NOT_SENT else self._asked_ns
        total.bytes_in, total.attempts = self._bytes_in, min(self._count, 1) + self._retries
        if last is not None:
            total.status, total.flags = last.status, last.flags
            total.degraded, total.served_by = last.degraded, last.served_by
            total.written_by = last.written_by
        if answer is not None:
            total.first_token_ns, total.last_token_ns = answer.first_token_ns, answer.last_token_ns
            total.tokens_in, total.tokens_out = answer.tokens_in, answer.tokens_out
            total.events, total.max_gap_ns = answer.events, answer.max_gap_ns
            total.flags = answer.flags
            total.degraded = answer.degraded or total.degraded
            total.served_by = answer.served_by or total.served_by
            total.written_by = answer.written_by or total.written_by
        return total
