"""One connection: a non-blocking socket, two watchers on the loop, one request at a time. Callbacks, no greenlet.

    dialing -> (TLS handshake) -> idle <-> busy -> closed

The read watcher stays on while the connection is up: one that the peer closes while idle is found at once, and a
request costs no change to the poll set. Sockets are the standard ones, whatever Locust has patched.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

from gevent import monkey

from harness.engine.exchange import Done, Exchange, Request, Told
from harness.engine.transport.addresses import Address
from harness.engine.transport.answers import Judgement, settle
from harness.engine.transport.deadlines import NEVER_NS
from harness.engine.transport.failures import judge_connect_error
from harness.engine.transport.path import PathWatch
from harness.engine.transport.races import is_reuse_race
from harness.engine.transport.response import Ending, ResponseReader
from harness.engine.transport.stamps import ask_for_stamps, receive_stamped
from harness.engine.transport.tls import TlsChannel
from harness.results import Outcome, Reason

READ_BYTES = 65536
_READ, _WRITE = 1, 2


class Owner(Protocol):
    """What a connection needs of the transport, and what it tells it."""

    clock_ns: Callable[[], int]
    idle_limit_ns: int
    in_flight: int
    kernel_stamps: bool
    path: PathWatch
    receive_lag_ns_max: int
    render: Callable[[Request, int], bytes]
    told: dict[bytes, Told]

    def connected(self) -> TlsChannel | None: ...

    def dialed(self, connection: Connection) -> None: ...

    def dial_failed(self, connection: Connection, judged: Judgement) -> None: ...

    def retry(self, exchange: Exchange, done: Done, deadline_ns: int) -> None: ...

    def closed(self, connection: Connection) -> None: ...


class Connection:
    """Owned by the transport; `exchange` is the request under way, or the one that waits for the connection to open."""

    __slots__ = (
        "_backlog",
        "_clock_ns",
        "_loop",
        "_owner",
        "_pile",
        "_read_watcher",
        "_reader",
        "_recv",
        "_render",
        "_send",
        "_sent_bytes",
        "_sock",
        "_tls",
        "_told",
        "_write_watcher",
        "address_index",
        "deadline_ns",
        "done",
        "exchange",
        "idle_limit_ns",
        "idle_since_ns",
        "is_open",
        "last_read_ns",
        "scheduled_ns",
        "tries",
        "up",
    )

    def __init__(
        self,
        owner: Owner,
        loop: Any,
        reader: ResponseReader,
        pile: list[Connection],
        address_index: int,
    ) -> None:
        self._owner = owner
        self._pile = pile
        """Where it waits while it is idle."""
        self._render = owner.render
        self._told = owner.told
        self._loop = loop
        self._clock_ns = owner.clock_ns
        self._reader = reader
        self._tls: TlsChannel | None = None
        self._backlog = b""
        self._sent_bytes = 0
        self._read_watcher: Any = None
        self._write_watcher: Any = None
        self.address_index = address_index
        self.idle_limit_ns = owner.idle_limit_ns
        self.exchange: Exchange | None = None
        self.done: Done | None = None
        self.deadline_ns = NEVER_NS
        self.scheduled_ns = NEVER_NS
        self.last_read_ns = 0
        """The last byte of the answer under way; 0 before the first."""
        self.idle_since_ns = 0
        """When it was last parked; 0 for a connection that has carried no request yet."""
        self.tries = 1
        """Addresses tried for the waiting request, this one included."""
        self.is_open = True
        self.up = False
        """Connected, and the TLS handshake over."""

    def dial(self, address: Address) -> None:
        """Begin to connect. Raises OSError where that fails at once (our own machine, mostly)."""
        try:
            self._sock = sock = _begin_connect(address)
        except OSError:
            self.is_open = False
            raise
        self._recv = sock.recv
        self._send = sock.send
        self._wait_to_write(self._on_connected)

    def carry(self, exchange: Exchange, done: Done, deadline_ns: int) -> None:
        """Send a request on an idle connection; the answer comes through the loop, never from inside this call."""
        self.exchange = exchange
        self.done = done
        self.deadline_ns = deadline_ns
        self.last_read_ns = 0
        data = self._render(exchange.request, exchange.seq)
        if self._tls is not None or self._backlog:
            self.write(data if self._tls is None else self._tls.encrypt(data))
            return
        try:
            count = self._send(data)
        except OSError:
            count = 0  # full, or broken: `write` finds out
        self._sent_bytes += count
        if count != len(data):
            self.write(data[count:])

    def park(self, now_ns: int) -> None:
        """Idle from `now_ns` on, and first in line for the next request."""
        self.idle_since_ns = now_ns
        self._pile.append(self)

    def expires_ns(self, now_ns: int) -> int:
        """The idle limit runs from the last byte of the answer; before the first there is none, only another look."""
        if self.exchange is None and self.up:
            return NEVER_NS
        return min(self.deadline_ns, (self.last_read_ns or now_ns) + self.idle_limit_ns)

    def expire(self, now_ns: int) -> None:
        if self.exchange is None:  # a warm-up that never came up
            self.close()
            self._owner.dial_failed(self, (Outcome.TIMEOUT, Reason.DEADLINE))
        else:
            self.stop((Outcome.TIMEOUT, Reason.DEADLINE if now_ns >= self.deadline_ns else Reason.IDLE))

    def stop(self, judged: Judgement) -> None:
        """End the request under way from our side, and the connection with it."""
        exchange = self.exchange
        assert exchange is not None
        settle(exchange, judged, self._clock_ns())
        self._release(exchange)

    def close(self) -> None:
        """Idempotent. The rings of callbacks are broken: the collector is off during the load."""
        if not self.is_open:
            return
        self.is_open = False
        for watcher in (self._read_watcher, self._write_watcher):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._read_watcher = self._write_watcher = None
        self._owner.path.closing(self._sock)
        self._sock.close()
        self._reader.dispose()
        # what is left waits in the heap of deadlines for its entry to come up: let it be small
        del self._recv, self._send, self._sock, self._reader, self._render, self._told
        self._tls = None
        self._owner.closed(self)

    def _on_connected(self) -> None:
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail_dial(judge_connect_error(code))
            return
        self._stop_writing()
        self._owner.path.opened(self._sock)
        self._read_watcher = self._loop.io(self._sock.fileno(), _READ)
        stamped = self._owner.kernel_stamps and ask_for_stamps(self._sock)
        self._read_watcher.start(self._on_readable_stamped if stamped else self._on_readable)
        self._tls = self._owner.connected()
        if self._tls is None:
            self.up = True
            self._owner.dialed(self)
            return
        self._tls.handshake()
        self.write(self._tls.take_output())

    def _on_readable(self) -> None:
        try:
            data = self._recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._ended(Ending.RESET)
            return
        if not data:
            self._ended(Ending.CLEAN if self._tls is None else Ending.CUT)
            return
        exchange = self.exchange
        if exchange is not None and exchange.request.plain and not self.last_read_ns and self._tls is None:
            told = self._told.get(data)
            if told is not None:
                self._hear_again(exchange, told)
                return
        self._take(data, self._clock_ns())

    def _hear_again(self, exchange: Exchange, told: Told) -> None:
        """The hot path: the whole answer to a plain request in one read, and known to the byte."""
        exchange.told = told
        if not exchange.terse:
            told.tell(exchange)
        exchange.finished_ns = self.idle_since_ns = self._clock_ns()
        self.exchange = None
        if told.keep_alive and not self._backlog:
            self._pile.append(self)
        else:
            self.close()
        self._owner.in_flight -= 1
        done: Any = self.done
        done(exchange)

    def _on_readable_stamped(self) -> None:
        try:
            data, arrived_ns, lag_ns = receive_stamped(self._sock, READ_BYTES, self._clock_ns)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._ended(Ending.RESET)
            return
        if not data:
            self._ended(Ending.CLEAN if self._tls is None else Ending.CUT)
            return
        exchange = self.exchange
        known_ns = self.last_read_ns or (0 if exchange is None else exchange.sent_ns)
        if arrived_ns < known_ns:  # the wall clock was set ahead between the stamp and the look
            arrived_ns = known_ns
        else:
            self._owner.receive_lag_ns_max = max(self._owner.receive_lag_ns_max, lag_ns)
        self._take(data, arrived_ns)

    def _take(self, data: bytes, now_ns: int) -> None:
        if self._tls is not None:
            self._on_ciphertext(self._tls, data, now_ns)
        elif self.exchange is not None:
            self._reader.exchange = self.exchange
            if self._reader.feed(data, now_ns):
                self._complete(now_ns)
            else:
                self.last_read_ns = now_ns
        else:
            self.close()  # nobody asked: a 408 on an idle connection, or worse

    def _on_ciphertext(self, tls: TlsChannel, data: bytes, now_ns: int) -> None:
        try:
            data = tls.receive(data)
        except ssl.SSLError:
            self.write(tls.take_output())  # the alert
            self._tls_failed()
            return
        output = tls.take_output()
        if output:
            self.write(output)
        if not self.up and tls.open:
            self.up = True
            self._owner.dialed(self)
        if data and self.exchange is None:
            self.close()
            return
        if data:
            self.last_read_ns = now_ns
            self._reader.exchange = self.exchange
            if self._reader.feed(data, now_ns):
                self._complete(now_ns, reusable=not tls.closed)
                return
        if tls.closed and self.is_open:
            self._ended(Ending.CLEAN)

    def _tls_failed(self) -> None:
        if not self.up:
            self._fail_dial((Outcome.REFUSED, Reason.TLS))
        elif self.exchange is not None:
            self.stop((Outcome.MALFORMED, Reason.TLS))
        else:
            self.close()

    def _complete(self, now_ns: int, reusable: bool = True) -> None:
        """The reader has set the outcome. The connection is free before the caller hears of it, and may be reused."""
        exchange, done = self.exchange, self.done
        assert exchange is not None and done is not None
        self.exchange = None
        if reusable and self._reader.reusable and not self._backlog:
            self.idle_since_ns = now_ns
            self._pile.append(self)
        else:
            self.close()
        self._owner.in_flight -= 1
        done(exchange)

    def _ended(self, ending: Ending) -> None:
        exchange, done = self.exchange, self.done
        if not self.up:
            self._fail_dial((Outcome.RESET, Reason.TLS))
        elif exchange is None or done is None:
            self.close()
        elif is_reuse_race(self._sock, exchange, self._sent_bytes, self.idle_since_ns, reset=ending is Ending.RESET):
            self.exchange = self.done = None
            self.close()
            self._owner.retry(exchange, done, self.deadline_ns)
        else:
            self._reader.exchange = exchange
            self._reader.end(ending, self._clock_ns())
            self._release(exchange)

    def _fail_dial(self, judged: Judgement) -> None:
        self.close()
        self._owner.dial_failed(self, judged)

    def _release(self, exchange: Exchange) -> None:
        done = self.done
        assert done is not None
        self.exchange = self.done = None
        self.close()
        self._owner.in_flight -= 1
        done(exchange)

    def write(self, data: bytes) -> None:
        """Send, or keep for when the socket takes more. A failing send is left to the read that follows: it knows more,
        an early answer for instance."""
        if self._backlog:
            self._backlog += data
            return
        try:
            count = self._send(data)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError:
            self._sent_bytes += len(data)  # never acknowledged: races.py will see it
            return
        self._sent_bytes += count
        if count != len(data):
            self._backlog = data[count:]
            self._wait_to_write(self._on_writable)

    def _on_writable(self) -> None:
        data, self._backlog = self._backlog, b""
        self._stop_writing()
        self.write(data)

    def _wait_to_write(self, callback: Callable[[], None]) -> None:
        """A watcher for as long as it is needed: thousands of open streams have nothing to write."""
        self._write_watcher = self._loop.io(self._sock.fileno(), _WRITE)
        self._write_watcher.start(callback)

    def _stop_writing(self) -> None:
        self._write_watcher.stop()
        self._write_watcher.close()
        self._write_watcher = None


def _begin_connect(address: Address) -> Any:
    """A socket that is on its way to `address`. Raises OSError where that fails at once."""
    sock = monkey.get_original("socket", "socket")(
        address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    )
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    code = sock.connect_ex(address.sockaddr)
    if code not in (0, errno.EINPROGRESS):
        sock.close()
        raise OSError(code, errno.errorcode.get(code, "?"))
    return sock
