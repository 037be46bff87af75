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
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from bench import servers
from bench.flying import CONNECTIONS, GENERATOR, PLAIN, STREAM, Flown, finish_rate, fly, uniform
from harness.engine import EngineJob, launch, read_engine, read_rows
from harness.engine.exchange import Exchange, Request
from harness.engine.facts import first_catalog
from harness.engine.priority import ask_for_priority
from harness.engine.recorder import Recorder
from harness.engine.share import Share
from harness.forecast.arrivals import ARRIVAL_DTYPE
from harness.results import Outcome, SpoolWriter, settle

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


def plain_rate(url: str, seconds: float, generator: str = "") -> float:
    """The most plain requests a second: a plan a little above what the engine can carry, in-flight bounded."""

    def carried(planned: float, for_s: float) -> float:
        due_s = uniform(planned, for_s)
        return finish_rate(fly(url, due_s, PLAIN, limit=CONNECTIONS, warm=CONNECTIONS, generator=generator))

    planned = 1.15 * carried(60_000, 1.0)
    while (rate := carried(planned, seconds)) > 0.95 * planned:  # it kept up: not yet its most
        planned = 1.25 * rate
    return rate


def in_turns(rounds: int, measures: dict[str, Callable[[], float]]) -> tuple[dict[str, float], str]:
    """Median rates; in turns, so that whatever else the machine does meets all of them."""
    seen: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            seen[name].append(measure())
    rate = {name: statistics.median(values) for name, values in seen.items()}
    return rate, ", ".join(f"{name} {value:,.0f}/s" for name, value in rate.items())


def rate_bars(url: str, rounds: int, seconds: int) -> list[Bar]:
    rate, detail = in_turns(
        rounds,
        {
            "built-in journey": lambda: plain_rate(url, seconds),
            "wrk": lambda: servers.wrk(url, seconds, CONNECTIONS),
            "generator journey": lambda: plain_rate(url, seconds, GENERATOR),
        },
    )
    generator, built_in = rate["generator journey"] / rate["wrk"], rate["built-in journey"] / rate["wrk"]
    return [
        Bar("plain rate over wrk's, generator journey", "x", 0.95, 0.5, generator, detail, True),
        Bar("plain rate over wrk's, built-in journey", "x", 0.95, 0.5, built_in, detail, True),
    ]


def peer_bars(url: str, seconds: int) -> list[Bar]:
    rate, detail = in_turns(
        1,
        {
            "generator journey": lambda: plain_rate(url, seconds, GENERATOR),
            "FastHttpUser": lambda: servers.locust(url, seconds + 2, CONNECTIONS, "FastHttpUser"),
            "HttpUser": lambda: servers.locust(url, seconds + 2, CONNECTIONS, "HttpUser"),
            "hey": lambda: servers.hey(url, seconds, CONNECTIONS),
        },
    )
    value = rate["generator journey"] / rate["FastHttpUser"]
    return [Bar("plain rate over Locust FastHttpUser's", "x", 10, 5, value, detail, True)]


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
    """Send lag p99 in ms, and the load that it comes from: the least of three, and no more of them once it is below a
    millisecond. A machine that stands still for a moment (its owner may) shows in one of them and not in all."""
    best: Flown | None = None
    for _ in range(attempts):
        flown = fly(url, uniform(rate, seconds), PLAIN, warm=max(CONNECTIONS, min(200, rate // 50)))
        if best is None or flown.send_lag_ms_p99 < best.send_lag_ms_p99:
            best = flown
        if best.send_lag_ms_p99 <= 1.0:
            break
    assert best is not None
    return best.send_lag_ms_p99, best


def memory_bar(url: str, seconds: float) -> Bar:
    flown = fly(url, uniform(8_000, 5 * seconds), PLAIN, warm=500)
    opened = f"descriptors {min(flown.descriptors)} to {max(flown.descriptors)}"
    detail = f"{flown.rows.size:,} requests, {opened}"
    return Bar("memory growth a million requests", "MB", 0, 8, memory_growth(flown), detail)


def memory_growth(flown: Flown) -> float:
    """The slope over all but the first fifth: by then connections and buffers have their size."""
    rss = np.array(flown.rss_mb[len(flown.rss_mb) // 5 :])
    if rss.size < 5:
        return float("nan")
    share = np.linspace(0.2, 1.0, rss.size)
    return float(np.polyfit(share, rss, 1)[0]) / flown.rows.size * 1e6


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
    events_held, detail = 0.0, []
    for streams in (250, 500, 1000, 1500, 2000):
        heard = hear(streams, seconds)
        detail.append(f"{streams * 50:,}/s: {heard.lag_ms(99):.2f} ms at {heard.cpu_share:.0%} CPU")
        if not heard.lag_ms(99) <= 5.0:
            break
        events_held = streams * 50
    told = "; ".join(detail)
    return [Bar("SSE events/s, reading lag p99 <= 5 ms", "/s", 100_000, 50_000, events_held, told, True)]


def open_bars(count: int) -> list[Bar]:
    few, few_mb = open_streams(5_000)
    many, many_mb = open_streams(count) if count > 5_000 else (few, few_mb)
    return [
        Bar("open streams in one worker", "", 15_000, 5_000, many, f"{many_mb:.0f} MB resident", True),
        Bar(f"memory of a worker with {few:,.0f} open streams", "MB", 64, 100, few_mb),
    ]


def accuracy_bars(seconds: float, *, kernel_stamps: bool) -> list[Bar]:
    """TTFT and the whole answer's time against the server's own stamps, at shares of what one core can read.

    The core's limit is taken from a load at a known rate: what costs a fifth of the core fits in it five times.
    """
    full = 400 / max(0.2, hear(400, seconds).cpu_share)
    clock = "kernel's stamps" if kernel_stamps else "loop's clock"
    bars = []
    for share in (0.25, 0.5, 0.8, 0.9):
        heard = hear(full * share, seconds, kernel_stamps=kernel_stamps)
        said = f"{full * share * 50:,.0f} events/s, {heard.cpu_share:.0%} CPU; {heard.errors()}"
        bars.append(Bar(f"TTFT error p99 at {share:.0%} of saturation, {clock}", "ms", 0.02, 1, heard.lag_ms(99), said))
    return bars


@dataclass(frozen=True)
class Heard:
    """A load of streams, with the server's word on each: all times in ns of the same clock, shape (n,)."""

    begun: np.ndarray
    first: np.ndarray
    last: np.ndarray
    ours_sent: np.ndarray
    ours_first: np.ndarray
    ours_finished: np.ndarray
    cpu_share: float

    def lag_ms(self, q: float) -> float:
        """From the server's write of the first token to the moment we say it came."""
        return float(np.percentile(self.ours_first - self.first, q)) / 1e6 if self.first.size else float("nan")

    def errors(self) -> str:
        """Of durations, as each side saw them: the way there and back is in ours and not in the server's."""
        if not self.first.size:
            return "no answers"
        ttft = (self.ours_first - self.ours_sent) - (self.first - self.begun)
        whole = (self.ours_finished - self.ours_sent) - (self.last - self.begun)
        share = np.abs(whole) / (self.last - self.begun)
        return (
            f"TTFT ours less the server's p50 {np.median(ttft) / 1e6:.3f} p99 {np.percentile(ttft, 99) / 1e6:.3f} ms, "
            f"end to end p50 {np.median(whole) / 1e6:.3f} p99 {np.percentile(whole, 99) / 1e6:.3f} ms "
            f"({np.percentile(share, 99):.2%} of it)"
        )


def hear(streams_per_s: float, seconds: float, kernel_stamps: bool = False) -> Heard:
    """50 events a stream, the first after 20 ms, the others 20 ms apart. No times where answers failed."""
    responder = servers.Responder(50, 20_000, 20_000)
    warm = min(2_500, round(streams_per_s * 1.2))
    flown = fly(responder.url, uniform(streams_per_s, seconds), STREAM, warm=warm, kernel_stamps=kernel_stamps)
    stamps = responder.stamps()
    rows = np.sort(flown.ok, order="seq")
    stamps = stamps[np.argsort(stamps[:, 0])]
    stamps = stamps[np.isin(stamps[:, 0], rows["seq"])]
    if flown.outcomes.get("ok", 0) < 0.999 * flown.rows.size or rows.size != len(stamps):
        return Heard(*(np.empty(0) for _ in range(6)), flown.cpu_share)
    ours = (flown.start_ns + rows[name] for name in ("sent_ns", "first_token_ns", "finished_ns"))
    return Heard(stamps[:, 1], stamps[:, 2], stamps[:, 3], *ours, flown.cpu_share)


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
        "rate": plain(lambda url: rate_bars(url, 1 if quick else 3, 3)),
        "peers": plain(lambda url: peer_bars(url, 3)),
        "dispatch": plain(lambda url: dispatch_bars(url, seconds)),
        "burst": plain(lambda url: [burst_bar(url)]),
        "memory": plain(lambda url: [memory_bar(url, seconds)]),
        "killed": plain(lambda url: [killed_bar(url)]),
        "streams": lambda: stream_bars(seconds),
        "open": lambda: open_bars(5_000 if quick else 15_000),
        "accuracy": lambda: accuracy_bars(3.0, kernel_stamps=False),
        "stamps": lambda: accuracy_bars(3.0, kernel_stamps=True),
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
