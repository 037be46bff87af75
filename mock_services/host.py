"""A service and what surrounds it: its port, the faults on it, its counts and its part of the request log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol

from mock_services.draws import draw
from mock_services.evidence import RequestLog
from mock_services.faults import Fault, FaultError, Moment, parse_fault
from mock_services.leases import Lease
from mock_services.server import Admission, Answer, Listener, Peer, Request, Response, Stream, Writer
from mock_services.service import Context, Service, Settings, SettingsError, change_settings


class ActiveFault:
    """A lease's fault at work on this host: its own request counter, and whether it works right now (flapping)."""

    def __init__(self, lease: Lease[Fault], host: Host) -> None:
        self.lease = lease
        self.fault = lease.fault
        self.working = False
        self._host = host
        self._seen = 0
        self._memory: dict[str, bytes] = {}
        self._at_end: list[Callable[[], None]] = []

    @property
    def name(self) -> str:
        return str(self.lease.spec["fault"])

    def moment(self) -> Moment:
        index = self._seen
        self._seen += 1
        context = self._host.context
        since_s = context.clock() - self.lease.granted_s
        chance = draw(context.seed, self.lease.id, index)
        return Moment(index, since_s, chance, self._host, self._memory, self._on_end)

    def update(self) -> None:
        """Starts or stops the fault where its time has come since the last look."""
        works = self.fault.active_at(self._host.context.clock() - self.lease.granted_s)
        if works and not self.working:
            self.working = True
            self._host.apply_settings()
            self.fault.begin(self._host)
        elif self.working and not works:
            self.stop()

    def stop(self) -> None:
        if not self.working:
            return
        self.working = False
        self._host.apply_settings()
        self.fault.end(self._host)
        calls, self._at_end = self._at_end, []
        for call in calls:
            call()

    def _on_end(self, call: Callable[[], None]) -> None:
        if self.working:
            self._at_end.append(call)
        else:
            call()


class Hosted(Protocol):
    """A service and its port, as the admin API and the program see it."""

    mock: str
    context: Context

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def settings(self) -> Settings:
        """In force now."""

    async def start(self) -> None:
        """Listens once this returns."""

    def stop(self) -> None:
        """Listens no more, and ends what is open."""

    def change_settings(self, changes: Mapping[str, Any]) -> Settings:
        """Answers the settings now in force. Raises SettingsError and changes nothing where they cannot be."""

    def parse_fault(self, name: str, fields: Mapping[str, Any]) -> Any:
        """Raises FaultError where there is no such fault here."""

    def check(self, fault: Any) -> None:
        """Raises FaultError where this fault makes no sense here."""

    def lease_changed(self, lease: Lease[Any]) -> None:
        """A lease on this service was granted, or has ended."""

    def tick(self) -> None:
        """Called some twenty times a second."""


class Host:
    """Implements `Hosted` and `App` for one HTTP service."""

    def __init__(self, mock: str, service: Service, context: Context, listener: Listener, log: RequestLog) -> None:
        self.mock = mock
        self.service = service
        self.context = context
        self.listener = listener
        self.peers: set[Peer] = set()
        self._log = log
        self._faults: dict[str, ActiveFault] = {}
        self._settings = service.settings
        self._refusals = 0
        self._idle_limit_s: float | None = None
        self._ignored: set[Peer] = set()
        self._resuming: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self.context.name

    @property
    def url(self) -> str:
        return self.listener.url

    @property
    def settings(self) -> Settings:
        return self.service.settings

    async def start(self) -> None:
        await self.listener.open(self, self.context.outbox)

    def stop(self) -> None:
        self.listener.close()
        for peer in list(self.peers):
            peer.close()

    def parse_fault(self, name: str, fields: Mapping[str, Any]) -> Fault:
        return parse_fault(name, fields)

    # settings: the service's own, and over them what working faults say

    def change_settings(self, changes: Mapping[str, Any]) -> Settings:
        """Answers the settings now in force. Raises SettingsError and changes nothing where they cannot be."""
        before = self._settings
        self._settings = change_settings(before, changes)
        try:
            self.apply_settings()
        except SettingsError:
            self._settings = before
            self.apply_settings()
            raise
        return self.service.settings

    def apply_settings(self) -> None:
        settings = self._settings
        for fault in self._faults.values():
            if fault.working and (over := fault.fault.overlay(settings)):
                settings = change_settings(settings, over)
        if settings != self.service.settings:
            self.service.change(settings)

    def check(self, fault: Fault) -> None:
        """Raises FaultError where this fault makes no sense here."""
        fault.check(self)
        try:
            change_settings(self.service.settings, fault.overlay(self._settings))
        except SettingsError as error:
            raise FaultError(str(error)) from None

    # what faults do to the port

    def refuse(self) -> None:
        """New connections are refused until `listen_again` was called as often."""
        self._refusals += 1
        self.listener.refuse()

    def listen_again(self) -> None:
        self._refusals -= 1
        if not self._refusals:
            self._resuming = self.listener.resume_soon()

    def reset_peers(self) -> None:
        for peer in list(self.peers):
            peer.reset()

    def limit_idle(self, idle_limit_s: float | None) -> None:
        """Of connections that are open, and that will be; None: as is usual."""
        self._idle_limit_s = idle_limit_s
        for peer in list(self.peers):
            peer.limit_idle(idle_limit_s)

    # leases

    def lease_changed(self, lease: Lease[Any]) -> None:
        """A lease on this host was granted, or has ended."""
        if lease.reason:
            fault = self._faults.pop(lease.id, None)
            if fault is not None:
                fault.stop()
                self._release_ignored()
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
        if self._idle_limit_s is not None:
            peer.limit_idle(self._idle_limit_s)
        for fault in self._faults.values():
            if fault.working:
                admission = fault.fault.admit()
                if admission is Admission.IGNORE:
                    self._ignored.add(peer)
                if admission is not Admission.SERVE:
                    return admission
        return Admission.SERVE

    def _release_ignored(self) -> None:
        """Connections that a black hole swallowed end with it."""
        if not any(f.working and f.fault.admit() is Admission.IGNORE for f in self._faults.values()):
            for peer in list(self._ignored):
                peer.reset()
            self._ignored.clear()

    def left(self, peer: Peer) -> None:
        self.peers.discard(peer)
        self._ignored.discard(peer)

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        context = self.context
        request.record.service = context.name
        counts = context.counts
        counts.started += 1
        counts.in_flight += 1
        if self._faults:
            chosen = [(f, m) for f in self._faults.values() if f.fault.selects(request, m := f.moment())]
            if chosen:
                return self._answer_faulty(request, chosen)
        return self.service.handle(request)

    def finished(self, request: Request) -> None:
        self._log.add(request.record)
        self.context.counts.add(request.record)

    async def _answer_faulty(self, request: Request, chosen: list[tuple[ActiveFault, Moment]]) -> Answer:
        request.record.faults = ",".join(active.name for active, _ in chosen)
        answer: Answer | None = None
        for active, moment in chosen:
            answer = await active.fault.before(request, moment)
            if answer is not None:
                break
        if answer is None:
            coming = self.service.handle(request)
            answer = coming if isinstance(coming, Response | Stream) else await coming
        for active, moment in chosen:
            answer = active.fault.response(request, answer, moment)
        if isinstance(answer, Stream):
            answer.filters.extend(partial(_wrap, active.fault, request, moment) for active, moment in chosen)
        return answer


def _wrap(fault: Fault, request: Request, moment: Moment, writer: Writer) -> Writer:
    return fault.stream(writer, request, moment)
