"""One worker's load, whole but for Locust: share, journeys, transport, books, watch. The worker drives it."""

from __future__ import annotations

import gc
import math
import os
import resource
import time
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from harness.descriptors import in_flight_within
from harness.engine.dispatch import NEVER_DUE, Dispatcher
from harness.engine.exchange import Done, Exchange, Request
from harness.engine.facts import first_catalog, gaps_path, spool_path, telemetry_path
from harness.engine.flight import AnyJourney, Flights
from harness.engine.gap_meter import GapMeter
from harness.engine.gathering import Gathering
from harness.engine.job import EngineJob
from harness.engine.journeys.builtin import built_in
from harness.engine.journeys.prompts import Prompts, read_prompts
from harness.engine.observer import Observer
from harness.engine.profile import Profile, pick_by_journey
from harness.engine.recorder import Recorder
from harness.engine.share import Share
from harness.engine.tick import Tick
from harness.engine.transport.path import PathWatch
from harness.engine.transport.wire import render_headers
from harness.results import SpoolWriter

_MOST_WARM = 100
_MARGIN_S = 0.5
"""The transport's own deadline fires before the drain ends."""


class Wire(Protocol):
    """The transport's door."""

    in_flight: int
    connects: int
    client_failures: int
    receive_lag_ns_max: int
    path: PathWatch

    @property
    def spread(self) -> tuple[int, float]: ...

    def send(self, request: Request, done: Done) -> None: ...
    def launch(self, exchange: Exchange, done: Done, now_ns: int) -> None: ...
    def leave(self, seq: int) -> None: ...
    def warm(self, count: int, ready: Callable[[int], None]) -> None: ...
    def close(self) -> None: ...


class Serves(Protocol):
    """What fires arrivals: journeys over the transport, or somebody's Locust users."""

    troubles: dict[str, int]

    def fire(self, share: Share, index: int, now: int) -> None: ...
    def cancel_all(self) -> None: ...


class Load:
    """Life: `warm`, `begin` at the common start, `second` every second until `over`, `close`."""

    def __init__(
        self,
        job: EngineJob,
        folder: Path,
        worker: int,
        *,
        share: Share,
        loop: Any,
        transport: Wire,
        profile: Profile | None = None,
        serves: Callable[[Recorder], Serves] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`serves` makes what serves the arrivals; absent, it is the job's journeys over `transport`, and those are
        `profile`'s where the job names one. `sleep` stops the whole process."""
        self._job = job
        self._share = share
        self._loop = loop
        self._transport = transport
        self._clock_ns = time.monotonic_ns
        self._writer = SpoolWriter(spool_path(folder, worker), worker)
        self._recorder = Recorder(self._writer, worker, first_catalog(job), self._clock_ns)
        self._gathering = Gathering(loop, self._clock_ns, sleep, self._next_due_ns)
        self._observer = Observer(loop, self._clock_ns, telemetry_path(folder, worker), worker)
        self._gaps = GapMeter(gaps_path(folder, worker), worker, len(job.phases))
        self._serves = serves(self._recorder) if serves else self._over_transport(profile)
        self._ours = serves is None
        self._limit = in_flight_share(job.in_flight_limit, descriptor_limit(), worker, job.workers)
        self._dispatchers: list[Dispatcher] = []
        """One for the share that it was dealt at first, and one for each part of a lost worker's."""
        self._planned = 0
        self._stopped = False
        self._lags_ns: array[int] = array("q")
        self._drain_from_ns = 0
        self._drain_s = min(job.drain_s, job.deadline_s + _MARGIN_S)
        self._closed = False
        self.broken = ""

    def warm(self, ready: Callable[[int], None]) -> None:
        wanted = self._job.warm_connections or min(self._limit, busiest_second(self._share))
        self._transport.warm(math.ceil((1.0 - self._job.new_connections) * wanted), ready)

    def begin(self, start_ns: int) -> None:
        self._recorder.begin(start_ns)
        self._drain_from_ns = start_ns
        # What lives now lives to the end: the collector would walk it again and again, and stop the load while it does.
        gc.collect()
        gc.freeze()
        if self._ours:  # journeys make no cycles; somebody's HTTP client may make many
            gc.disable()
        self._observer.begin()
        if self._ours:  # a task in somebody's client waits for the loop several times a request
            self._gathering.begin(first_second(self._share))
        self.take(self._share)

    def take(self, share: Share) -> bool:
        """Fires this share too. False when it is too late: the load was stopped, or it is over and its books closed."""
        if self._closed or self._stopped or not self._recorder.start_ns:
            return False
        dispatcher = Dispatcher(
            loop=self._loop,
            clock_ns=self._clock_ns,
            share=share,
            start_ns=self._recorder.start_ns,
            fire=self._serves.fire,
            skip=self._recorder.skip,
            room=self._room,
            late_cut_ns=round(self._job.late_cut_s * 1e9),
            lags_ns=self._lags_ns,
        )
        self._dispatchers.append(dispatcher)
        self._planned += share.count
        last = share.due_ns[share.count - 1] if share.count else 0
        self._drain_from_ns = max(self._drain_from_ns, self._recorder.start_ns + last)
        dispatcher.begin()
        return True

    def stop(self, drain_s: float) -> None:
        """Fires nothing more; answers may still come for `drain_s`."""
        self._stopped = True
        for dispatcher in self._dispatchers:
            dispatcher.stop()
        self._drain_from_ns = self._clock_ns()
        self._drain_s = min(self._drain_s, drain_s)

    @property
    def over(self) -> bool:
        """Every arrival has its outcome. Ends the drain when its time has come."""
        if not self._dispatchers or not all(dispatcher.done for dispatcher in self._dispatchers):
            return False
        if self._recorder.in_flight and self._clock_ns() > self._drain_from_ns + round(self._drain_s * 1e9):
            self._serves.cancel_all()
        return self._recorder.in_flight == 0

    def second(self) -> Tick:
        """Flushes the rows, then says what is on disk: what a worker has reported, its spool holds."""
        self._writer.flush()
        receive_lag_ns, self._transport.receive_lag_ns_max = self._transport.receive_lag_ns_max, 0
        told = self._observer.record(
            self._recorder,
            fired=self._fired(),
            lags_ns=self._lags_ns,
            connects=self._transport.connects,
            client_failures=self._transport.client_failures,
            receive_lag_ns=receive_lag_ns,
            round_trip_s=self._transport.path.sample(),
            path=self._transport.path.total,
            spread=self._transport.spread,
        )
        self.broken = self.broken or self._writer.broken or told or self._gaps.write()
        return self._tick(done=False)

    def close(self) -> Tick:
        """The last word: the spool gets its end mark before the master hears `done`."""
        if not self._closed:
            self._closed = True
            self.second()
            self._writer.close()
            self.broken = self.broken or self._writer.broken
            self._observer.close()
            self._gaps.close()
            self._gathering.close()
            for dispatcher in self._dispatchers:
                dispatcher.close()
            self._transport.close()
        return self._tick(done=self.over)

    def _over_transport(self, profile: Profile | None) -> Serves:
        job = self._job
        return Flights(
            loop=self._loop,
            clock_ns=self._clock_ns,
            transport=self._transport,
            recorder=self._recorder,
            prompts=Prompts(job.seed, read_prompts(Path(job.prompts)) if job.prompts else ()),
            journeys=build_journeys(job, self._recorder, profile),
            base=urlsplit(job.target).path.rstrip("/"),
            gaps=self._gaps.by_phase,
            newcomers=job.new_connections > 0,
        )

    def _room(self) -> int:
        return self._limit - self._recorder.in_flight

    def _next_due_ns(self) -> int:
        return min((dispatcher.next_due_ns for dispatcher in self._dispatchers), default=NEVER_DUE)

    def _fired(self) -> int:
        return sum(dispatcher.fired for dispatcher in self._dispatchers)

    def _tick(self, *, done: bool) -> Tick:
        return Tick(
            planned=self._planned,
            fired=self._fired(),
            finished=self._recorder.finished,
            not_sent=self._recorder.not_sent,
            in_flight=self._recorder.in_flight,
            outcomes=tuple(self._recorder.outcomes),
            connects=self._transport.connects,
            client_failures=self._transport.client_failures,
            send_lag_s_p99=self._observer.send_lag_s_p99,
            cpu_share=self._observer.cpu_share,
            done=done,
            broken=self.broken,
            troubles=tuple(f"{text} ({count} times)" for text, count in self._serves.troubles.items()),
        )


def build_journeys(
    job: EngineJob,
    recorder: Recorder | None,
    profile: Profile | None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[AnyJourney, ...]:
    """The job's journeys in the order of the arrivals' index. Raises UsageError or RefusedError, and sends nothing:
    with no recorder, and none of its profile loaded, it only checks that the job can be done."""
    render_headers(job.headers, environment)
    if job.profile:
        return profile_journeys(job, profile) if profile else ()
    return tuple(
        built_in(spec, job, recorder.step_number(spec.kind) if recorder else 1, environment) for spec in job.journeys
    )


def profile_journeys(job: EngineJob, profile: Profile) -> tuple[AnyJourney, ...]:
    """The generator journeys of the job's profile."""
    pick = pick_by_journey(profile.weights, job.journeys, job.seed)
    functions = {name: function for name, (function, _) in profile.journeys.items()}
    if all(spec.name in functions for spec in job.journeys):
        return tuple(functions[spec.name] for spec in job.journeys)
    return tuple((lambda arrival: functions[pick(0, arrival.seq)](arrival)) for _ in job.journeys)


def in_flight_share(limit: int, descriptors: int, worker: int, workers: int) -> int:
    """How many arrivals this worker may have in flight: its part of the run's bound, and what its descriptors allow."""
    mine = limit * (worker + 1) // workers - limit * worker // workers
    return min(max(1, mine), in_flight_within(descriptors))


def descriptor_limit() -> int:
    """Raises this process's soft limit to the hard one, and says what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft if soft != resource.RLIM_INFINITY else 1 << 20


def first_second(share: Share) -> int:
    """Arrivals due in the first second."""
    return int(np.searchsorted(np.asarray(share.due_ns), 1_000_000_000))


def busiest_second(share: Share) -> int:
    """Connections to open beforehand: the most arrivals in any second of the share, 100 at most."""
    most, first = 1, 0
    for index in range(share.count):
        while share.due_ns[index] - share.due_ns[first] > 1_000_000_000:
            first += 1
        most = max(most, index - first + 1)
        if most >= _MOST_WARM:
            return _MOST_WARM
    return most
