"""The transport: requests in, exchanges out, on one event loop. Never blocks, and blames nobody wrongly.

Idle connections are kept in one pile for each address, the last one used on top, so that a quiet spell lets the surplus
go. Addresses take turns. Redirects are answers, not orders; proxies are not looked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.engine.exchange import Done, Exchange, Request
from harness.engine.job import EngineJob
from harness.engine.transport.addresses import Resolve, Rotation, Target, resolve
from harness.engine.transport.answers import Judgement, settle
from harness.engine.transport.connection import Connection
from harness.engine.transport.deadlines import NEVER_NS, Deadlines
from harness.engine.transport.dialects import DIALECTS
from harness.engine.transport.failures import judge_connect_error
from harness.engine.transport.head import HeadReader
from harness.engine.transport.newcomers import Newcomers
from harness.engine.transport.path import PathWatch
from harness.engine.transport.response import ResponseReader
from harness.engine.transport.tls import TlsChannel, client_context
from harness.engine.transport.warmup import Warmup
from harness.engine.transport.wire import Renderer
from harness.guard.targets import Allowlist
from harness.results import NEVER, Outcome, Reason
from harness.results.row import FLAG_NEW_CONNECTION, FLAG_RETRIED_ON_RACE

_DIAL_LIMIT_S = 10.0
"""For warm-ups; a request's own deadline bounds its dialing."""


class Transport:
    """Sends requests to the job's target. Everything happens on the loop of `hub`, in its thread."""

    def __init__(
        self,
        job: EngineJob,
        hub: Any,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        env: Mapping[str, str] | None = None,
        look_up: Resolve = resolve,
    ) -> None:
        """Resolves the target's name (blocking, once) and the headers' `${env:NAME}`. Raises UsageError for a target or
        a header that can never work; a name that does not resolve ends each request as NOT_SENT, reason CLIENT_DNS."""
        self.clock_ns = clock_ns
        self.in_flight = 0
        self.connects = 0
        self.client_failures = 0
        self.kernel_stamps = job.kernel_stamps
        self.receive_lag_ns_max = 0
        """With kernel stamps: the longest that an answer lay unread. Whoever reads it may set it back to 0."""
        self.path = PathWatch()
        self._loop = hub.loop
        self._job = job
        self._target = Target.parse(job.target)
        self.render: Callable[[Request, int], bytes] = Renderer(
            self._target.authority, job, self._target.base, env
        ).render
        self._tls_context = client_context(job.ca_file) if self._target.tls else None
        try:
            found = look_up(self._target.host, self._target.port)
        except OSError:
            found = []
        self._rotation = Rotation(found, self._target.host, Allowlist(job.allow_hosts, owned=True))
        self._takes_turns = len(self._rotation) > 1
        self._cannot: Judgement | None = None
        """Why no request can be sent; None while they can."""
        if not len(self._rotation):
            reason = Reason.NOT_ALLOWED if self._rotation.forbidden else Reason.CLIENT_DNS
            self._cannot = (Outcome.NOT_SENT, reason)
        self._dialects = frozenset(DIALECTS)
        self._piles: list[list[Connection]] = [[] for _ in range(len(self._rotation))]
        self._newcomers = Newcomers(job.new_connections) if job.new_connections else None
        self._connections: set[Connection] = set()
        self._heads = HeadReader.of(job)
        self.told = self._heads.told
        self._deadline_ns = round(job.deadline_s * 1e9)
        self.idle_limit_ns = round(job.idle_limit_s * 1e9)
        self._deadlines = Deadlines()
        self._timer: Any = None
        self._warmup: Warmup | None = None
        self._is_closed = False

    def send(self, request: Request, done: Done) -> None:
        """Send, and call `done` once with what came of it: later, from the loop. Raises only for an unknown dialect."""
        if request.dialect not in self._dialects:
            raise ValueError(f"unknown dialect {request.dialect!r}; known are {', '.join(DIALECTS)}")
        self.launch(Exchange(request), done, self.clock_ns())

    def launch(self, exchange: Exchange, done: Done, now_ns: int) -> None:
        """The same for an exchange that the caller has made, of a request in a known dialect; it goes out `now_ns`."""
        self.in_flight += 1
        exchange.sent_ns = now_ns
        exchange.attempts = 1
        deadline_ns = exchange.request.deadline_ns or now_ns + self._deadline_ns
        if self._cannot is not None:
            self._end_later(exchange, done, self._cannot)
            return
        index = 0
        if self._takes_turns:
            index = self._rotation.next(now_ns)
            self._rotation.sent[index] += 1
        pile = self._piles[index]
        if self._newcomers is not None:
            pile = self._newcomers.pile(exchange.seq, pile)
        while pile:
            connection = pile.pop()
            if connection.is_open:
                connection.carry(exchange, done, deadline_ns)
                scheduled_ns = connection.scheduled_ns
                if deadline_ns < scheduled_ns or now_ns + self.idle_limit_ns < scheduled_ns:
                    self._watch(connection, min(deadline_ns, now_ns + self.idle_limit_ns))
                return
        self._dial(index, exchange, done, deadline_ns)

    def leave(self, seq: int) -> None:
        """The arrival is over: a newcomer's connections are closed behind it."""
        if self._newcomers is not None:
            self._newcomers.leave(seq)

    def warm(self, count: int, ready: Callable[[int], None]) -> None:
        """Open `count` connections, TLS and all, and call `ready(opened)` once: later, from the loop."""
        self._warmup = Warmup(count, self._dial_idle, lambda opened: self._loop.run_callback(ready, opened))
        self._warmup.start()

    def close(self) -> None:
        """Every open request ends as CANCELLED, reason STOPPED, from inside this call; nothing is sent after it."""
        self._is_closed = True
        self._cannot = (Outcome.NOT_SENT, Reason.STOPPED)
        for connection in list(self._connections):
            if connection.exchange is not None:
                connection.stop((Outcome.CANCELLED, Reason.STOPPED))
            else:
                connection.close()
        self._deadlines.clear()
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        if self._warmup is not None:
            self._warmup.abandon()

    @property
    def spread(self) -> tuple[int, float]:
        """See `Rotation.spread`."""
        return self._rotation.spread

    def met(self, sock: Any, sockaddr: Sequence[Any]) -> None:
        """A client that is not ours has connected `sock`: it is counted and watched like one of ours."""
        if self._rotation.met(sockaddr):
            self.connects += 1
            self.path.opened(sock)

    # What connections call.

    def connected(self) -> TlsChannel | None:
        self.connects += 1
        return None if self._tls_context is None else TlsChannel(self._tls_context, self._target.host)

    def dialed(self, connection: Connection) -> None:
        self._rotation.reached(connection.address_index)
        if connection.exchange is not None and connection.done is not None:
            connection.carry(connection.exchange, connection.done, connection.deadline_ns)
            return
        connection.park(self.clock_ns())
        if self._warmup is not None:
            self._warmup.went(True)

    def dial_failed(self, connection: Connection, judged: Judgement) -> None:
        exchange, done = connection.exchange, connection.done
        connection.exchange = connection.done = None
        if exchange is None or done is None:
            if self._warmup is not None:
                self._warmup.went(False)
            return
        now_ns = self.clock_ns()
        self._rotation.shun(connection.address_index, now_ns)
        if judged[0] is Outcome.REFUSED and connection.tries < len(self._rotation) and not self._is_closed:
            index = self._rotation.next(now_ns)
            self._dial(index, exchange, done, connection.deadline_ns, connection.tries + 1)
            return
        self._settle(exchange, judged)
        self._finish(exchange, done)

    def retry(self, exchange: Exchange, done: Done, deadline_ns: int) -> None:
        """Once more, on a fresh connection; the clock runs on."""
        exchange.attempts += 1
        exchange.flags |= FLAG_RETRIED_ON_RACE
        if self._is_closed:
            self._end_later(exchange, done, (Outcome.CANCELLED, Reason.STOPPED))
        else:
            self._dial(self._rotation.next(self.clock_ns()), exchange, done, deadline_ns)

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)

    # Dialing, deadlines, ends.

    def _dial(self, index: int, exchange: Exchange, done: Done, deadline_ns: int, tries: int = 1) -> None:
        pile = self._piles[index]
        if self._newcomers is not None:
            pile = self._newcomers.pile(exchange.seq, pile)
        connection = self._new_connection(index, pile)
        connection.tries = tries
        connection.exchange, connection.done, connection.deadline_ns = exchange, done, deadline_ns
        exchange.flags |= FLAG_NEW_CONNECTION
        try:
            connection.dial(self._rotation.addresses[index])
        except OSError as error:
            self._end_later(exchange, done, judge_connect_error(error.errno or 0))
            return
        self._connections.add(connection)
        self._watch(connection, min(deadline_ns, self.clock_ns() + self.idle_limit_ns))

    def _dial_idle(self) -> bool:
        """One connection for the pile; False where it cannot even be tried."""
        if self._cannot is not None:
            return False
        now_ns = self.clock_ns()
        index = self._rotation.next(now_ns)
        connection = self._new_connection(index, self._piles[index])
        try:
            connection.dial(self._rotation.addresses[index])
        except OSError:
            self.client_failures += 1
            return False
        self._connections.add(connection)
        connection.deadline_ns = now_ns + round(_DIAL_LIMIT_S * 1e9)
        self._watch(connection, connection.deadline_ns)
        return True

    def _new_connection(self, index: int, pile: list[Connection]) -> Connection:
        reader = ResponseReader.of(self._job, self._heads)
        return Connection(self, self._loop, reader, pile, index)

    def _watch(self, connection: Connection, at_ns: int) -> None:
        """Look at it at `at_ns`: its deadline, but no later than the idle limit from now, because that counts from the
        answer's first byte, which nobody can foresee."""
        if self._deadlines.schedule(connection, at_ns):
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        at_ns = self._deadlines.next_ns
        if at_ns < NEVER_NS and not self._is_closed:
            self._loop.update_now()
            self._timer = self._loop.timer(max(0, at_ns - self.clock_ns()) / 1e9)
            self._timer.start(self._on_timer)

    def _on_timer(self) -> None:
        self._deadlines.run(self.clock_ns())
        self._arm()

    def _end_later(self, exchange: Exchange, done: Done, judged: Judgement) -> None:
        self._settle(exchange, judged)
        self._loop.run_callback(self._finish, exchange, done)

    def _finish(self, exchange: Exchange, done: Done) -> None:
        self.in_flight -= 1
        done(exchange)

    def _settle(self, exchange: Exchange, judged: Judgement) -> None:
        settle(exchange, judged, self.clock_ns())
        if judged[0] is Outcome.NOT_SENT:
            exchange.sent_ns = NEVER
            exchange.attempts = 0
        if judged[1].is_client_side:
            self.client_failures += 1
