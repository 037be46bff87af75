"""A service and what surrounds it: its port, the faults on it, its counts and its part of the request log."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial

from mock_services.evidence import RequestLog
from mock_services.faults import Fault, Moment
from mock_services.leases import Lease
from mock_services.server import Admission, Answer, Listener, Peer, Request, Response, Stream, Writer
from mock_services.service import Context, Service

_MASK = (1 << 64) - 1


def draw(seed: int, lease: str, index: int) -> float:
    """A number in [0, 1) that depends on nothing but its arguments (splitmix64)."""
    z = (seed * 0x9E3779B97F4A7C15 + int.from_bytes(lease.encode(), "little") + index * 0xD1342543DE82EF95) & _MASK
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = ((z ^ (z >> shift)) * factor) & _MASK
    z ^= z >> 31
    return (z >> 11) / (1 << 53)


class ActiveFault:
    """A lease's fault at work on this host: its own request counter, and whether it works right now (flapping)."""

    def __init__(self, lease: Lease[Fault], host: Host) -> None:
        self.lease = lease
        self.fault = lease.fault
        self.working = False
        self._host = host
        self._seen = 0

    def moment(self) -> Moment:
        index = self._seen
        self._seen += 1
        since_s = self._host.context.clock() - self.lease.granted_s
        return Moment(index, since_s, draw(self._host.context.seed, self.lease.id, index), self._host)

    def update(self) -> None:
        """Calls `begin` and `end` where the fault has started or stopped to work since the last look."""
        works = self.fault.active_at(self._host.context.clock() - self.lease.granted_s)
        if works and not self.working:
            self.working = True
            self.fault.begin(self._host)
        elif self.working and not works:
            self.stop()

    def stop(self) -> None:
        if self.working:
            self.working = False
            self.fault.end(self._host)


class Host:
    """Implements `App` for one service. Without faults a request costs two method calls more than the bare service."""

    def __init__(self, mock: str, service: Service, context: Context, listener: Listener, log: RequestLog) -> None:
        self.mock = mock
        self.service = service
        self.context = context
        self.listener = listener
        self.peers: set[Peer] = set()
        self._log = log
        self._faults: dict[str, ActiveFault] = {}

    @property
    def name(self) -> str:
        return self.context.name

    # leases

    def lease_changed(self, lease: Lease[Fault]) -> None:
        """A lease on this host was granted, or has ended."""
        if lease.reason:
            fault = self._faults.pop(lease.id, None)
            if fault is not None:
                fault.stop()
        else:
            fault = self._faults[lease.id] = ActiveFault(lease, self)
            fault.update()

    def tick(self) -> None:
        """Called a few times a second while leases are in force: faults that begin later, or flap."""
        for fault in list(self._faults.values()):
            fault.update()

    # the server's calls

    def admit(self, peer: Peer) -> Admission:
        self.peers.add(peer)
        self.context.counts.connections += 1
        for fault in self._faults.values():
            if fault.working:
                admission = fault.fault.admit()
                if admission is not Admission.SERVE:
                    return admission
        return Admission.SERVE

    def left(self, peer: Peer) -> None:
        self.peers.discard(peer)

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        record = request.record
        record.service = self.context.name
        headers = request.headers
        run = headers.get(b"x-peakproof-run")
        if run is not None:
            record.run = run.decode("latin-1")
        seq = headers.get(b"x-peakproof-seq")
        if seq is not None:
            record.seq = seq.decode("latin-1")
        counts = self.context.counts
        counts.started += 1
        counts.in_flight += 1
        if self._faults:
            chosen = [(f.fault, m) for f in self._faults.values() if f.fault.selects(request, m := f.moment())]
            if chosen:
                return self._answer_faulty(request, chosen)
        return self.service.handle(request)

    def finished(self, request: Request) -> None:
        self._log.add(request.record)
        self.context.counts.add(request.record)

    async def _answer_faulty(self, request: Request, chosen: list[tuple[Fault, Moment]]) -> Answer:
        request.record.faults = ",".join(type(fault).__name__ for fault, _ in chosen)
        answer: Answer | None = None
        for fault, moment in chosen:
            answer = await fault.before(request, moment)
            if answer is not None:
                return answer
        coming = self.service.handle(request)
        answer = coming if isinstance(coming, Response | Stream) else await coming
        for fault, moment in chosen:
            answer = fault.response(request, answer, moment)
        if isinstance(answer, Stream):
            answer.filters.extend(partial(_wrap, fault, request, moment) for fault, moment in chosen)
        return answer


def _wrap(fault: Fault, request: Request, moment: Moment, writer: Writer) -> Writer:
    return fault.stream(writer, request, moment)
