"""One load through the product's own path (`launch`, journeys, ledger and spool on), and what its folder tells."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from bench import servers
from harness.engine import EngineJob, JourneySpec, launch, read_engine, read_rows
from harness.forecast.arrivals import ARRIVAL_DTYPE
from harness.results import Outcome, settle

PLAIN = JourneySpec("plain", "http", path="/", body=servers.BODY)
STREAM = JourneySpec("stream", "chat")
CONNECTIONS = 64
GENERATOR = f"""
from harness.engine import Arrival, Steps, http, journey

@journey()
def plain(arrival: Arrival) -> Steps:
    yield http("POST", "/", body={servers.BODY.encode()!r}, headers={{"content-type": "application/json"}})
"""


@dataclass
class Flown:
    """One load, as its folder tells it."""

    rows: np.ndarray
    start_ns: int
    outcomes: dict[str, int]
    cpu_share: float = 0.0
    """The worker's, of one core: the median second's."""
    rss_mb: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    connects: int = 0
    waited_s: float = 0.0
    """How long the worker was ready to run and another process had its core."""

    @property
    def ok(self) -> np.ndarray:
        return self.rows[self.rows["outcome"] == Outcome.OK]

    @property
    def send_lag_ms_p99(self) -> float:
        sent = self.rows[self.rows["sent_ns"] >= 0]
        return float(np.percentile(sent["sent_ns"] - sent["due_ns"], 99)) / 1e6 if sent.size else float("nan")


def fly(
    url: str,
    due_s: np.ndarray,
    journey: JourneySpec,
    *,
    limit: int = 20_000,
    warm: int = 0,
    generator: str = "",
    kernel_stamps: bool = False,
) -> Flown:
    """Carries one load with one worker on one core; the master and the bench itself stay on the server's."""
    folder = Path(tempfile.mkdtemp())
    arrivals = np.zeros(due_s.size, ARRIVAL_DTYPE)
    arrivals["due_ns"] = np.sort(due_s) * 1e9
    arrivals["tokens_in"] = 50
    np.save(folder / "arrivals.npy", arrivals)
    profile = ""
    if generator:
        profile = str(folder / "profile.py")
        Path(profile).write_text(generator)
    job = EngineJob(
        "bench",
        url,
        (),
        (journey,),
        ("peak",),
        profile=profile,
        in_flight_limit=limit,
        warm_connections=warm,
        limit_requests=10**9,
        kernel_stamps=kernel_stamps,
    )
    engine = launch(job, folder, folder / "arrivals.npy")
    flown = Flown(np.empty(0), 0, {})
    worker, waited = 0, [0.0]
    shares: list[float] = []
    for progress in engine.progress():
        if not worker and progress.state == "running":
            worker = _pin(engine.pid)
        if worker and progress.state == "running":
            _look(worker, flown, waited)
        if progress.state == "running" and progress.cpu_share:
            shares.append(progress.cpu_share)
    engine.wait()
    facts, rows = read_engine(folder), read_rows(folder)
    ledger = settle(arrivals, rows, facts.workers)
    assert ledger.balanced, ledger.problems
    flown.rows, flown.outcomes, flown.start_ns = rows.arrivals(), ledger.outcomes, facts.start_ns
    flown.cpu_share = float(np.median(shares)) if shares else float("nan")
    flown.waited_s = waited[-1] - waited[min(1, len(waited) - 1)]
    shutil.rmtree(folder)
    return flown


def _pin(master: int) -> int:
    """The worker alone on the client's core; its process id. Looked up once: a walk through all processes takes
    milliseconds, and at the worker's own priority it would be what makes the worker late."""
    children = psutil.Process(master).children()
    if not children:
        return 0
    if (psutil.cpu_count() or 1) > 1:
        for process in (os.getpid(), master):
            for thread in Path(f"/proc/{process}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {servers.SERVER_CORE})
        children[0].cpu_affinity([servers.CLIENT_CORE])
    return int(children[0].pid)


def _look(worker: int, flown: Flown, waited: list[float]) -> None:
    """A few files of /proc, none of them a list of anything."""
    try:
        pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
        flown.descriptors.append(Path(f"/proc/{worker}/fd").stat().st_size)  # their number, from Linux 6.2 on
        waited.append(int(Path(f"/proc/{worker}/schedstat").read_text().split()[1]) / 1e9)
    except OSError:
        return
    flown.rss_mb.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def uniform(rate: float, seconds: float) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, seconds, int(rate * seconds))


def finish_rate(flown: Flown) -> float:
    """Answers a second over the middle half of the load."""
    finished = np.sort(flown.ok["finished_ns"]) / 1e9
    if finished.size < 100:
        return 0.0
    low, high = np.percentile(finished, [25, 75])
    return float(np.count_nonzero((finished >= low) & (finished < high)) / max(1e-9, high - low))
