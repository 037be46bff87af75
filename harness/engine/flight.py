"""Journeys in flight: a generator yields requests and the connection's own callback resumes it with what came of them.

No greenlet for each arrival; straight-line code all the same.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator
from typing import Any, Protocol

from harness.engine.exchange import Done, Exchange, Request
from harness.engine.journeys.arrival import Arrival, Due
from harness.engine.journeys.builtin import BuiltIn, Shot
from harness.engine.journeys.prompts import Prompts
from harness.engine.journeys.routes import Routes
from harness.engine.journeys.steps import Answer, Ask, StepFailed, Think
from harness.engine.recorder import Recorder
from harness.engine.share import Share
from harness.errors import UsageError
from harness.results import NEVER, Outcome, Reason

GeneratorJourney = Callable[[Arrival], Generator[Any, Any, None]]
AnyJourney = GeneratorJourney | BuiltIn


_OK, _DEGRADED, _NO_REASON = Outcome.OK, Outcome.DEGRADED, Reason.NONE  # bound once: see exchange.py
_MOST_SPARE = 1024


class Sends(Protocol):
    """The part of the transport's door that a flight needs."""

    def send(self, request: Request, done: Done) -> None: ...
    def launch(self, exchange: Exchange, done: Done, now_ns: int) -> None: ...
    def leave(self, seq: int) -> None: ...


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
        base: str = "",
        gaps: tuple[array[int], ...] = (),
        newcomers: bool = False,
    ) -> None:
        """`base`: the path of the target's own URL, no slash at its end. `gaps` takes those of streams, by phase.
        `newcomers`: some arrivals hold connections of their own, and the transport is told when they are over."""
        self.loop = loop
        self.clock_ns = clock_ns
        self.transport = transport
        self.recorder = recorder
        self._leave = transport.leave if newcomers else None
        self._prompts = prompts
        self._gaps = gaps
        self._journeys: tuple[Any, ...] = journeys
        self._singles = tuple(made.shot if isinstance(made, BuiltIn) else None for made in journeys)
        self._open: set[Flight] = set()
        self._shots: set[Shot] = set()
        self._on_hit = self._hit
        self.on_first: Any = Flight._first_done  # not bound: the exchange that it is called with is the flight
        self.launch = transport.launch
        self.routes = Routes(base, recorder.step_number)
        self.troubles: dict[str, int] = {}
        """What journeys raised, by text; at most 20 kinds."""

    def fire(self, share: Share, index: int, now: int) -> None:
        journey = share.journey[index]
        single = self._singles[journey]
        if single is not None:  # no generator for one request, and the request is all there is to keep of it
            shot = single(self._prompts, share, index)
            if shot.request.stream and self._gaps:
                shot.gaps = self._gaps[share.phase[index]]
            self.recorder.enter(now)
            self._shots.add(shot)
            self.launch(shot, self._on_hit, now if shot.request.repeats else self.clock_ns())
            return
        seq = share.seq[index]
        arrival = Due(self._prompts, seq, share, index)
        flight = Flight(self, share, index, seq)
        self.recorder.enter(now)
        self._open.add(flight)
        flight.begin(self._journeys[journey], arrival, now)

    def gaps_of(self, flight: Flight) -> array[int] | None:
        return self._gaps[flight.share.phase[flight.index]] if self._gaps else None

    def _hit(self, shot: Any) -> None:
        try:
            self._shots.remove(shot)
        except KeyError:
            return  # cancelled meanwhile: its row is written
        if self._leave is not None:
            self._leave(shot.seq)
        recorder = self.recorder
        told = shot.told
        if told is not None and not shot.flags and shot.attempts == 1:
            recorder.leave(shot.finished_ns)
            recorder.again(shot.share, shot.index, shot, told)
            if len(shot.spare) < _MOST_SPARE and shot.request.repeats:
                shot.spare.append(shot)
            return
        if shot.finished_ns < 0:
            shot.finished_ns = self.clock_ns()
        recorder.leave(shot.finished_ns)
        recorder.arrival(shot.share, shot.index, shot)

    def land(self, flight: Flight, total: Exchange) -> None:
        """The journey is over; `total` is what it came to."""
        self._open.discard(flight)
        if total.finished_ns < 0:
            total.finished_ns = self.clock_ns()
        self.recorder.leave(total.finished_ns)
        self.recorder.arrival(flight.share, flight.index, total)
        if self._leave is not None:
            self._leave(flight.share.seq[flight.index])

    def cancel_all(self) -> None:
        """Ends what is still under way (the drain is over): outcome `cancelled`, reason `stopped`."""
        for flight in list(self._open):
            flight.cancel()
        shots, self._shots = self._shots, set()
        for shot in shots:
            total = Exchange(shot.request)
            total.outcome, total.reason, total.sent_ns = Outcome.CANCELLED, Reason.STOPPED, shot.sent_ns
            total.finished_ns = self.clock_ns()
            self.recorder.leave(total.finished_ns)
            self.recorder.arrival(shot.share, shot.index, total)

    def trouble(self, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"[:200]
        if text in self.troubles or len(self.troubles) < 20:
            self.troubles[text] = self.troubles.get(text, 0) + 1


_NOTHING = Request(b"", b"")


class Flight(Exchange):
    """One journey under way. It is the exchange of its first request too: most journeys have no other, and then there
    is nothing to sum up."""

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

    def __init__(self, flights: Flights, share: Share, index: int, seq: int) -> None:
        Exchange.__init__(self, _NOTHING)
        self.seq = seq
        self.share = share
        self.index = index
        self._flights = flights
        self._generator: Generator[Any, Any, None] | None = None
        self._count = 0
        """Requests that are accounted for."""
        self._required = True
        self._softened = False
        """A step failed and the journey went on without it."""
        self._timer: Any = None

    def begin(self, journey: GeneratorJourney, arrival: Arrival, now: int) -> None:
        self._asked_ns = now
        flights = self._flights
        try:
            self._generator = generator = journey(arrival)
            item = next(generator)
            self._asked_ns = now = flights.clock_ns()
            if item.__class__ is not Ask:
                self._do(item)
                return
            self.request = flights.routes.request(item)
        except StopIteration:
            self._ended_well()
        except Exception as error:  # the journey is the user's code: whatever it raises is an outcome
            self._raised(error)
        else:
            self._required = item.required
            if item.stream:
                self.gaps = flights.gaps_of(self)
            flights.launch(self, flights.on_first, now)

    def cancel(self) -> None:
        if self._generator is not None:
            self._end(Outcome.CANCELLED, Reason.STOPPED)

    def _do(self, item: Any) -> None:
        """Does what the journey yielded; what comes of it resumes the journey later, never from inside here."""
        flights = self._flights
        if item.__class__ is Ask:
            self._required = item.required
            try:
                exchange = Exchange(flights.routes.request(item))
            except UsageError as error:
                self._raised(error)
                return
            exchange.seq = self.seq
            exchange.gaps = flights.gaps_of(self)
            flights.launch(exchange, self._done, self._asked_ns)
        elif item.__class__ is Think:
            self._timer = flights.loop.timer(item.seconds)
            self._timer.start(self._thought, update=True)  # by the clock, not by the loop's cached time
        elif item.__class__ is Request:
            flights.transport.send(item, self._done)
        else:
            self._raised(TypeError(f"a journey yields steps (chat, search, http, think, ...), not {item!r:.80}"))

    def _first_done(self) -> None:
        """The same as `_done`, for a journey's first request; shorter where it goes well and was the only one."""
        generator = self._generator
        if generator is None:
            return  # cancelled meanwhile: its row is written
        if not (self.outcome is _OK or self.outcome is _DEGRADED):
            self._done(self)
            return
        try:
            item = generator.send(Answer(self))
        except StopIteration:
            self._generator = None
            self._flights.land(self, self)  # its books hold one request: there is nothing to sum up
        except Exception as error:
            self._account(self)
            self._gave_up(error)
        else:
            self._account(self)
            self._asked_ns = self._flights.clock_ns()
            self._do(item)

    def _done(self, exchange: Exchange) -> None:
        if self._generator is None:
            return
        self._account(exchange)
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

    def _account(self, exchange: Exchange) -> None:
        """A request has come back."""
        self._count = count = self._count + 1
        if count == 1:
            self._first_sent_ns = exchange.sent_ns
            self._answer: Exchange | None = None  # the last that held content: what the user was waiting for
            self._retries = self._bytes_in = 0
        else:
            recorder = self._flights.recorder
            if count == 2:
                recorder.step(self.share, self.index, self._last, recorder.start_ns + self.share.due_ns[self.index])
            recorder.step(self.share, self.index, exchange, self._asked_ns)
        self._last: Exchange = exchange
        self._bytes_in += exchange.bytes_in
        if exchange.attempts > 1:
            self._retries += exchange.attempts - 1
        if exchange.first_token_ns >= 0:
            self._answer = exchange

    def _thought(self) -> None:
        self._timer = None
        if self._generator is not None:
            self._resume(None)

    def _resume(self, value: Any, failed: StepFailed | None = None) -> None:
        generator = self._generator
        assert generator is not None
        try:
            item = generator.send(value) if failed is None else generator.throw(failed)
        except StopIteration:
            self._ended_well()
        except Exception as error:
            self._gave_up(error)
        else:
            self._asked_ns = self._flights.clock_ns()
            self._do(item)

    def _gave_up(self, error: Exception) -> None:
        if isinstance(error, StepFailed):
            self._end(error.answer.outcome, error.answer._exchange.reason)
        else:
            self._raised(error)

    def _ended_well(self) -> None:
        if not self._count:  # nothing was asked, so nothing was answered well
            self._raised(ValueError("a journey ended without a request"))
            return
        last = self._last
        if not (last.outcome is _OK or last.outcome is _DEGRADED):
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
        if self._count == 1 and outcome is self._last.outcome:
            self._flights.land(self, self._last)
        else:
            self._flights.land(self, self._sum_up(outcome, reason))
        if generator is not None:
            generator.close()

    def _sum_up(self, outcome: Outcome, reason: Reason) -> Exchange:
        total = Exchange(_NOTHING)
        total.outcome, total.reason = outcome, reason
        if not self._count:
            total.sent_ns = NEVER if outcome is Outcome.NOT_SENT else self._asked_ns
            return total
        last, answer = self._last, self._answer
        total.sent_ns = self._first_sent_ns
        total.bytes_in, total.attempts = self._bytes_in, 1 + self._retries
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
