"""The engine's bars, measured through the product's own path: `launch`, a journey, the ledger and the spool on.

    make bench-engine        # or: python -m bench.engine [--quick] [--fresh] [--realtime] [STEP ...]

Peers (wrk, hey, Locust's two users) run beside it in turns, against the same server with the same request, each pinned
to one core where there are two, all at the engine's priority. Use the ratios: the absolute numbers are this machine's,
at this hour. Each step leaves its part in `bench/out/engine/`, and a bench that was broken off goes on after the last;
`bench/out/engine.json` holds all of them. `--realtime` gives engine, peers and servers the processor before everything
else (`chrt -r 1`), which makes a busy machine much like a quiet one; no step takes longer than a minute or two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil

from bench import servers
from harness.engine import EngineJob, JourneySpec, launch, read_engine, read_rows
from harness.engine.exchange import Exchange, Request
from harness.engine.facts import first_catalog
from harness.engine.priority import ask_for_priority
from harness.engine.recorder import Recorder
from harness.engine.share import Share
from harness.forecast.arrivals import ARRIVAL_DTYPE
from harness.results import Outcome, SpoolWriter, settle

PLAIN = JourneySpec("plain", "http", path="/", body=servers.BODY)
STREAM = JourneySpec("stream", "chat")
CONNECTIONS = 64
PARTS = Path(__file__).parent / "out" / "engine"


@dataclass(frozen=True)
class Bar:
    goal: str
    unit: str
    moonshot: float
    floor: float
    value: float
    detail: str = ""
    higher_is_better: bool = False

    @property
    def verdict(self) -> str:
        sign = 1 if self.higher_is_better else -1
        if np.isnan(self.value):
            return "not measured"
        if sign * self.value >= sign * self.moonshot:
            return "moonshot"
        return "floor" if sign * self.value >= sign * self.floor else "MISSED"


@dataclass
class Flown:
    """One load, as its folder tells it."""

    rows: np.ndarray
    start_ns: int
    outcomes: dict[str, int]
    cpu_share: float
    rss_mb: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    waited_s: float = 0.0
    """How long the worker was ready to run and another process had its core."""

    @property
    def ok(self) -> np.ndarray:
        return self.rows[self.rows["outcome"] == Outcome.OK]

    @property
    def send_lag_ms_p99(self) -> float:
        sent = self.rows[self.rows["sent_ns"] >= 0]
        return float(np.percentile(sent["sent_ns"] - sent["due_ns"], 99)) / 1e6 if sent.size else float("nan")


def fly(url: str, due_s: np.ndarray, journey: JourneySpec, *, limit: int = 20_000, warm: int = 0) -> Flown:
    """Carries one load with one worker on one core."""
    folder = Path(tempfile.mkdtemp())
    arrivals = np.zeros(due_s.size, ARRIVAL_DTYPE)
    arrivals["due_ns"] = np.sort(due_s) * 1e9
    arrivals["tokens_in"] = 50
    np.save(folder / "arrivals.npy", arrivals)
    job = EngineJob(
        "bench", url, (), (journey,), ("peak",), in_flight_limit=limit, warm_connections=warm, limit_requests=10**9
    )
    engine = launch(job, folder, folder / "arrivals.npy")
    flown = Flown(np.empty(0), 0, {}, 0.0)
    shares, waited = [], [0.0]
    for progress in engine.progress():
        for worker in psutil.Process(engine.pid).children() if progress.state != "done" else ():
            if (psutil.cpu_count() or 1) > 1:
                worker.cpu_affinity([servers.CLIENT_CORE])
            if progress.state == "running":
                flown.rss_mb.append(worker.memory_info().rss / 1e6)
                flown.descriptors.append(worker.num_fds())
                waited.append(_waited_s(worker.pid))
        shares.append(progress.cpu_share)
    engine.wait()
    facts, rows = read_engine(folder), read_rows(folder)
    ledger = settle(arrivals, rows, facts.workers)
    assert ledger.balanced, ledger.problems
    flown.rows, flown.outcomes, flown.start_ns = rows.arrivals(), ledger.outcomes, facts.start_ns
    flown.cpu_share = max(shares, default=0.0)
    flown.waited_s = waited[-1] - waited[min(1, len(waited) - 1)]
    shutil.rmtree(folder)
    return flown


def _waited_s(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def uniform(rate: float, seconds: float) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, seconds, int(rate * seconds))


def finish_rate(flown: Flown) -> float:
    """Answers a second over the middle half of the load."""
    finished = np.sort(flown.ok["finished_ns"]) / 1e9
    if finished.size < 100:
        return 0.0
    low, high = np.percentile(finished, [25, 75])
    return float(np.count_nonzero((finished >= low) & (finished < high)) / max(1e-9, high - low))


def plain_rate(url: str, seconds: float) -> float:
    """The most plain requests a second: a plan a little above what the engine can carry, in-flight bounded."""
    probe = finish_rate(fly(url, uniform(60_000, 1.0), PLAIN, limit=CONNECTIONS, warm=CONNECTIONS))
    return finish_rate(fly(url, uniform(probe * 1.25, seconds), PLAIN, limit=CONNECTIONS, warm=CONNECTIONS))


def rate_bars(url: str, rounds: int, seconds: int) -> list[Bar]:
    peers: dict[str, Callable[[], float]] = {
        "engine": lambda: plain_rate(url, seconds),
        "wrk": lambda: servers.wrk(url, seconds, CONNECTIONS),
        "hey": lambda: servers.hey(url, seconds, CONNECTIONS),
        "FastHttpUser": lambda: servers.locust(url, seconds + 2, CONNECTIONS, "FastHttpUser"),
        "HttpUser": lambda: servers.locust(url, seconds + 2, CONNECTIONS, "HttpUser"),
    }
    seen: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):  # in turns: whatever else the machine does meets all of them
        for name, measure in peers.items():
            seen[name].append(measure())
    rate = {name: statistics.median(values) for name, values in seen.items()}
    detail = ", ".join(f"{name} {value:,.0f}/s" for name, value in rate.items())
    return [
        Bar("plain request rate over wrk's", "x", 0.95, 0.5, rate["engine"] / rate["wrk"], detail, True),
        Bar("the same over Locust FastHttpUser", "x", 10, 5, rate["engine"] / rate["FastHttpUser"], detail, True),
    ]


def dispatch_bars(url: str, seconds: float) -> list[Bar]:
    slow = calm_lag(url, 1_000, seconds)
    held, detail = 0.0, []
    for rate in (2_000, 5_000, 10_000, 20_000, 30_000, 50_000):
        lag, flown = calm_lag(url, rate, seconds)
        detail.append(f"{rate:,}/s: {lag:.2f} ms (waited {flown.waited_s * 1e3:.0f} ms, {flown.cpu_share:.0%} CPU)")
        if not lag <= 1.0 or flown.outcomes.get("ok", 0) < 0.999 * flown.rows.size:
            break
        held = rate
    told = f"the worker waited {slow[1].waited_s * 1e3:.0f} ms for its core, {slow[1].cpu_share:.0%} CPU"
    return [
        Bar("planned arrivals/s with send lag p99 <= 1 ms", "/s", 50_000, 10_000, held, "; ".join(detail), True),
        Bar("send lag p99 at 1,000 arrivals/s", "ms", 0.25, 1.0, slow[0], told),
    ]


def calm_lag(url: str, rate: int, seconds: float, attempts: int = 3) -> tuple[float, Flown]:
    """Send lag p99 in ms, and the load that it comes from: the one of three in which other processes held the worker's
    core the least, and no more of them once they did for less than a thousandth of the time."""
    calmest: Flown | None = None
    for _ in range(attempts):
        flown = fly(url, uniform(rate, seconds), PLAIN, warm=max(CONNECTIONS, min(200, rate // 50)))
        if calmest is None or flown.waited_s < calmest.waited_s:
            calmest = flown
        if calmest.waited_s < 0.001 * seconds:
            break
    assert calmest is not None
    return calmest.send_lag_ms_p99, calmest


def memory_bar(url: str, seconds: float) -> Bar:
    long = fly(url, uniform(4_000, 4 * seconds), PLAIN, warm=200)
    return Bar("memory growth a million requests", "MB", 0, 8, memory_growth(long), f"{long.rows.size:,} requests")


def memory_growth(flown: Flown) -> float:
    """Of the second half: by then connections and buffers have their size."""
    half = flown.rss_mb[len(flown.rss_mb) // 2 :]
    return (half[-1] - half[0]) / (flown.rows.size / 2) * 1e6 if len(half) > 1 else float("nan")


def burst_bar(url: str) -> Bar:
    rng = np.random.default_rng(2)
    due = np.concatenate([rng.uniform(0, 3, 900), rng.uniform(1, 2, 2700)])
    flown = fly(url, due, PLAIN, warm=CONNECTIONS)
    bins = np.arange(0, 3.05, 0.1)
    planned, _ = np.histogram(flown.rows["due_ns"] / 1e9, bins)
    sent, _ = np.histogram(flown.rows["sent_ns"] / 1e9, bins)
    error = float(np.abs(planned - sent).sum() / 2 / planned.sum()) * 100
    return Bar("rate curve in 100-ms bins over a 10x burst", "%", 0.25, 1.0, error, "share of arrivals in a wrong bin")


def stream_bars(seconds: float) -> list[Bar]:
    """Streams of 50 tokens at 20 ms: as many a second as are open. The reading lag is that of the first tokens."""
    events_held, detail, accuracy = 0.0, [], float("nan")
    for streams in (100, 250, 500, 1000, 2000):
        lag = stream_lag_ms(streams, 50, 20_000, seconds)
        detail.append(f"{streams * 50:,}/s: {lag:.2f} ms")
        if streams == 250:
            accuracy = lag
        if not lag <= 5.0:
            break
        events_held = streams * 50
    many, rss_mb = open_streams(5_000 if seconds < 5 else 15_000)
    return [
        Bar("SSE events/s, reading lag p99 <= 5 ms", "/s", 100_000, 50_000, events_held, "; ".join(detail), True),
        Bar("TTFT error p99 against the server's stamps", "ms", 0.02, 1.0, accuracy, "at 12,500 events/s"),
        Bar("open streams in one worker", "", 15_000, 5_000, many, f"{rss_mb:.0f} MB resident", True),
        Bar("their memory", "MB", 64, 100, rss_mb),
    ]


def stream_lag_ms(streams_per_s: int, events: int, gap_us: int, seconds: float) -> float:
    responder = servers.Responder(events, 20_000, gap_us)
    flown = fly(responder.url, uniform(streams_per_s, seconds), STREAM, warm=min(2000, streams_per_s))
    stamps = responder.stamps()
    if flown.outcomes.get("ok", 0) < 0.999 * flown.rows.size:
        return float("nan")
    sent_ns = dict(zip(stamps[:, 0].tolist(), stamps[:, 1].tolist(), strict=True))
    rows = flown.ok
    lags = [flown.start_ns + int(row["first_token_ns"]) - sent_ns[int(row["seq"])] for row in rows]
    return float(np.percentile(lags, 99)) / 1e6


def open_streams(count: int) -> tuple[float, float]:
    """Streams held open at once, and the worker's memory then: `count` begun over 5 s, each 8 s long."""
    responder = servers.Responder(9, 100_000, 1_000_000)
    flown = fly(responder.url, uniform(count / 5, 5.0), STREAM)
    responder.stamps()
    ends = np.concatenate([flown.ok["sent_ns"], flown.ok["finished_ns"]])
    steps = np.concatenate([np.ones(flown.ok.size), -np.ones(flown.ok.size)])
    return float(np.cumsum(steps[np.argsort(ends)]).max()), max(flown.rss_mb, default=float("nan"))


def killed_bar(url: str) -> Bar:
    """Two workers, one of them killed after two seconds: how long the rate curve then had a hole."""
    folder = Path(tempfile.mkdtemp())
    due_s = np.sort(uniform(400, 8.0))
    arrivals = np.zeros(due_s.size, ARRIVAL_DTYPE)
    arrivals["due_ns"] = due_s * 1e9
    np.save(folder / "arrivals.npy", arrivals)
    job = EngineJob("bench", url, (), (PLAIN,), ("peak",), processes=2)
    engine, killed_ns = launch(job, folder, folder / "arrivals.npy"), 0
    for progress in engine.progress():
        if progress.elapsed_s > 2 and not killed_ns:
            psutil.Process(engine.pid).children()[-1].kill()
            killed_ns = time.monotonic_ns() - progress.start_ns
    engine.wait()
    rows = settle(arrivals, read_rows(folder), read_engine(folder).workers).rows.arrivals()
    shutil.rmtree(folder)
    lost = rows[rows["outcome"] == Outcome.LOST_WITH_WORKER]
    if not killed_ns or rows.size != arrivals.size:
        return Bar("rate curve whole again after a worker's death", "s", 1.5, 6.0, float("nan"))
    whole_s = max(0.0, (int(lost["due_ns"].max()) - killed_ns) / 1e9) if lost.size else 0.0
    detail = f"{lost.size} of {rows.size} arrivals lost with it"
    return Bar("rate curve whole again after a worker's death", "s", 1.5, 6.0, whole_s, detail)


def record_bar(rows: int = 200_000) -> Bar:
    with tempfile.TemporaryDirectory() as folder:
        job = EngineJob("bench", "http://127.0.0.1:1", (), (PLAIN,), ("peak",))
        writer = SpoolWriter(Path(folder) / "a.spool", 0)
        recorder = Recorder(writer, 0, first_catalog(job), time.monotonic_ns)
        share, exchange = Share.deal(np.zeros(1, ARRIVAL_DTYPE), 0, 1), Exchange(Request(b"", b""))
        began_s = time.process_time()
        for _ in range(rows):
            recorder.arrival(share, 0, exchange)
        writer.close()
        spent_us = (time.process_time() - began_s) / rows * 1e6
        return Bar("to record a request", "us", 0.3, 2.0, spent_us, "CPU time, the writing of its block included")


def show(bars: list[Bar]) -> None:
    print(f"\n{'bar':<46} {'moonshot':>10} {'floor':>9} {'measured':>10}  ")
    for bar in bars:
        numbers = f"{bar.moonshot:>10,g} {bar.floor:>9,g} {bar.value:>10,.4g} {bar.unit:<3}"
        print(f"{bar.goal:<46} {numbers} {bar.verdict:<9} {bar.detail}")


def steps(quick: bool) -> dict[str, Callable[[], list[Bar]]]:
    """All parts of the bench by name; each can run alone."""
    seconds = 3.0 if quick else 5.0

    def plain(measure: Callable[[str], list[Bar]]) -> Callable[[], list[Bar]]:
        def over_nginx() -> list[Bar]:
            with servers.nginx() as url:
                return measure(url)

        return over_nginx

    return {
        "rate": plain(lambda url: rate_bars(url, 1 if quick else 3, 3 if quick else 4)),
        "dispatch": plain(lambda url: dispatch_bars(url, seconds)),
        "burst": plain(lambda url: [burst_bar(url)]),
        "memory": plain(lambda url: [memory_bar(url, seconds)]),
        "killed": plain(lambda url: [killed_bar(url)]),
        "streams": lambda: stream_bars(seconds),
        "record": lambda: [min((record_bar() for _ in range(5)), key=lambda bar: bar.value)],
    }


def run_step(name: str, quick: bool, realtime: bool) -> None:
    command = [sys.executable, "-m", "bench.engine", "--in-process", name, *(["--quick"] if quick else [])]
    subprocess.run([*(["chrt", "-r", "1"] if realtime else []), *command], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="STEP", help=f"of {', '.join(steps(True))}; all when left out")
    parser.add_argument("--quick", action="store_true", help="one round, short loads")
    parser.add_argument("--fresh", action="store_true", help="measure what is measured already again")
    parser.add_argument("--realtime", action="store_true", help="before everything else on the machine (chrt -r 1)")
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if lacking := servers.missing("wrk", "hey", "nginx", "cc", "taskset", *(["chrt"] if asked.realtime else [])):
        print(f"the bench needs {', '.join(lacking)}: apt-get install wrk hey nginx gcc util-linux")
        return 2
    ask_for_priority()  # the servers and the peers inherit it: all have the engine's
    PARTS.mkdir(parents=True, exist_ok=True)
    for name in asked.names or steps(True):
        part = PARTS / f"{name}.json"
        if asked.in_process:
            machine = {"load_average_before": os.getloadavg(), "quick": asked.quick}
            bars = steps(asked.quick)[name]()
            part.write_text(json.dumps({"machine": machine, "bars": [asdict(bar) for bar in bars]}))
        elif asked.fresh or not part.exists():
            print(f"{name} ...", flush=True)
            run_step(name, asked.quick, asked.realtime)
    if not asked.in_process:
        conclude()
    return 0


def conclude() -> None:
    """The table and `engine.json`, from all parts that are there."""
    parts = {
        path.stem: json.loads(path.read_text()) for name in steps(True) if (path := PARTS / f"{name}.json").exists()
    }
    bars = [Bar(**bar) for part in parts.values() for bar in part["bars"]]
    show(bars)
    machine = {"cores": psutil.cpu_count(), "python": platform.python_version()}
    machine |= {name: part["machine"] for name, part in parts.items()}
    results = [asdict(bar) | {"verdict": bar.verdict} for bar in bars]
    text = json.dumps({"machine": machine, "bars": results}, indent=1).replace("NaN", "null")
    (PARTS.parent / "engine.json").write_text(text)
    if any(part["machine"]["load_average_before"][0] > 0.5 for part in parts.values()):
        print("\nThe machine was not idle: only ratios mean anything.")


if __name__ == "__main__":
    raise SystemExit(main())
