"""The engine's bars, measured through the product's own path: `launch`, a journey, the ledger and the spool on.

    make bench-engine        # or: python -m bench.engine [--quick]

Peers (wrk, hey, Locust's two users) run beside it in turns, against the same server with the same request, each pinned
to one core where there are two. Use the ratios: the absolute numbers are this machine's, at this hour. Writes
`bench/out/engine.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
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
from harness.engine.recorder import Recorder
from harness.engine.share import Share
from harness.forecast.arrivals import ARRIVAL_DTYPE
from harness.results import Outcome, SpoolWriter, settle

PLAIN = JourneySpec("plain", "http", path="/", body=servers.BODY)
STREAM = JourneySpec("stream", "chat")
CONNECTIONS = 64


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
    shares = []
    for progress in engine.progress():
        for worker in psutil.Process(engine.pid).children() if progress.state != "done" else ():
            if (psutil.cpu_count() or 1) > 1:
                worker.cpu_affinity([servers.CLIENT_CORE])
            if progress.state == "running":
                flown.rss_mb.append(worker.memory_info().rss / 1e6)
        shares.append(progress.cpu_share)
    engine.wait()
    facts, rows = read_engine(folder), read_rows(folder)
    ledger = settle(arrivals, rows, facts.workers)
    assert ledger.balanced, ledger.problems
    flown.rows, flown.outcomes, flown.start_ns = rows.arrivals(), ledger.outcomes, facts.start_ns
    flown.cpu_share = max(shares, default=0.0)
    shutil.rmtree(folder)
    return flown


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
    slow = fly(url, uniform(1000, seconds), PLAIN, warm=CONNECTIONS)
    held, detail = 0.0, []
    for rate in (2_000, 5_000, 10_000, 20_000, 30_000, 50_000):
        flown = fly(url, uniform(rate, seconds), PLAIN, warm=200)
        lag = flown.send_lag_ms_p99
        detail.append(f"{rate:,}/s: {lag:.2f} ms")
        if lag > 1.0 or flown.outcomes.get("ok", 0) < 0.999 * flown.rows.size:
            break
        held = rate
    growth = memory_growth(slow)
    return [
        Bar("planned arrivals/s with send lag p99 <= 1 ms", "/s", 50_000, 10_000, held, "; ".join(detail), True),
        Bar("send lag p99 at 1,000 arrivals/s", "ms", 0.25, 1.0, slow.send_lag_ms_p99),
        Bar("memory growth a million requests", "MB", 0, 8, growth, f"{slow.rows.size:,} requests"),
        burst_bar(url),
    ]


def memory_growth(flown: Flown) -> float:
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
        return Bar("to record a request", "us", 0.3, 2.0, (time.process_time() - began_s) / rows * 1e6, "CPU time")


def show(bars: list[Bar]) -> None:
    print(f"\n{'bar':<46} {'moonshot':>10} {'floor':>9} {'measured':>10}  ")
    for bar in bars:
        numbers = f"{bar.moonshot:>10,g} {bar.floor:>9,g} {bar.value:>10,.4g} {bar.unit:<3}"
        print(f"{bar.goal:<46} {numbers} {bar.verdict:<9} {bar.detail}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round, short loads")
    quick = parser.parse_args().quick
    if lacking := servers.missing("wrk", "hey", "nginx", "cc", "taskset"):
        print(f"the bench needs {', '.join(lacking)}: apt-get install wrk hey nginx gcc util-linux")
        return 2
    before = os.getloadavg()
    with servers.nginx() as url:
        bars = rate_bars(url, 1 if quick else 3, 3 if quick else 5)
        bars += dispatch_bars(url, 3.0 if quick else 5.0)
    bars += stream_bars(3.0 if quick else 5.0)
    bars.append(record_bar())
    show(bars)
    if before[0] > 0.5:
        print(f"\nThe machine was not idle (load average {before[0]:.1f} before the bench): only ratios mean anything.")
    out = Path(__file__).parent / "out"
    out.mkdir(exist_ok=True)
    machine = {"cores": psutil.cpu_count(), "python": platform.python_version(), "load_average_before": before}
    results = [asdict(bar) | {"verdict": bar.verdict} for bar in bars]
    text = json.dumps({"machine": machine, "bars": results}, indent=1).replace("NaN", "null")
    (out / "engine.json").write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
