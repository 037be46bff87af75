"""What the engine's tests share: plans, jobs, and flights over a stand-in for the transport."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import numpy as np

from harness.engine.facts import first_catalog, spool_path
from harness.engine.flight import AnyJourney, Flights
from harness.engine.job import EngineJob, JourneySpec
from harness.engine.journeys.prompts import Prompts
from harness.engine.recorder import Recorder
from harness.engine.share import Share
from harness.forecast.arrivals import ARRIVAL_DTYPE
from harness.results import Rows, SpoolWriter, read_spools


def arrivals_at(*due_s: float, tokens_in: int = 20, tokens_out: int = 10) -> np.ndarray:
    array = np.zeros(len(due_s), ARRIVAL_DTYPE)
    array["due_ns"] = np.round(np.array(due_s) * 1e9)
    array["tokens_in"], array["tokens_out"] = tokens_in, tokens_out
    return array


def job_with(*journeys: JourneySpec, **fields: Any) -> EngineJob:
    journeys = journeys or (JourneySpec("ask", "chat"),)
    known = {"run_id": "t", "target": "http://127.0.0.1:1", "allow_hosts": (), "phases": ("peak",)}
    return EngineJob(journeys=journeys, **(known | fields))


def wait_until(holds: Callable[[], bool], at_most_s: float = 5.0) -> None:
    until = time.monotonic() + at_most_s
    while not holds():
        assert time.monotonic() < until, "it did not come to pass"
        gevent.sleep(0.002)


class Bench:
    """Flights over a fake wire, with a real spool to read back."""

    def __init__(self, folder: Path, loop: Any, prompts: Prompts, wire: Any, journeys: tuple[AnyJourney, ...]) -> None:
        self.path = spool_path(folder, 0)
        self.job = job_with()
        self.writer = SpoolWriter(self.path, 0)
        self.recorder = Recorder(self.writer, 0, first_catalog(self.job), time.monotonic_ns)
        self.recorder.begin(time.monotonic_ns())
        self.flights = Flights(
            loop=loop,
            clock_ns=time.monotonic_ns,
            transport=wire,
            recorder=self.recorder,
            prompts=prompts,
            journeys=journeys,
        )

    def fly(self, count: int = 1) -> None:
        array = arrivals_at(*[0.0] * count)
        share = Share.deal(array, 0, 1)
        for index in range(count):
            self.flights.fire(share, index, time.monotonic_ns())

    def land(self, count: int = 1) -> Rows:
        wait_until(lambda: self.recorder.finished >= count)
        self.writer.close()
        rows = read_spools([self.path], first_catalog(self.job))
        assert rows.damage == ()
        return rows
