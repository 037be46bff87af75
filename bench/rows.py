"""What a verdict costs: a million and ten million rows of our own run, and a million of another tool, judged in a
process of its own each; seconds and the process's peak memory."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

from harness.analysis import Evidence, PhaseWindow, Planned, Rules, judge, parse_slo
from harness.results import NEVER, RESULT_DTYPE, TELEMETRY_DTYPE, Catalog, ClockFact, Rows, WorkerFact

BARS = {1_000_000: (1.0, 300.0), 10_000_000: (15.0, float("inf"))}
"""Rows: (seconds, MB) at most."""
RATE, WORKERS, WARM_S = 1000.0, 2, 10.0
SLOS = ("ttft p99 <= 2s", "e2e p95 <= 4s", "errors < 1%", "goodput >= 95% {ttft: 2s}")


def made(count: int) -> tuple[Rows, Evidence]:
    """A healthy run of `count` arrivals, its spools one after the other as they are read."""
    rng = np.random.default_rng(1)
    end_s = count / RATE
    due_ns = np.sort(rng.integers(0, int(end_s * 1e9), count))
    array = np.zeros(count, RESULT_DTYPE)
    array["seq"] = np.arange(count)
    array["due_ns"] = due_ns
    array["sent_ns"] = due_ns + rng.integers(0, 300_000, count)
    spent_ns = (0.8e9 * np.exp(0.35 * rng.standard_normal(count))).astype(np.int64)
    array["finished_ns"] = array["sent_ns"] + spent_ns
    array["first_token_ns"] = array["sent_ns"] + spent_ns // 3
    array["last_token_ns"] = array["finished_ns"] - 1000
    array["tokens_out"], array["status"], array["attempts"] = 40, 200, 1
    array["worker"] = array["seq"] % WORKERS
    array["phase"] = due_ns >= WARM_S * 1e9
    planned = Planned(due_ns, array["phase"].copy(), array["journey"].copy(), array["seq"].copy())
    shares = [int((array["worker"] == w).sum()) for w in range(WORKERS)]
    evidence = Evidence(
        own_run=True,
        phases=(PhaseWindow("warm", 0, WARM_S, True, False), PhaseWindow("peak", WARM_S, end_s, True, True)),
        planned=planned,
        telemetry=np.concatenate([_telemetry(array, worker, end_s) for worker in range(WORKERS)]),
        workers=tuple(WorkerFact(w, "done", shares[w], shares[w]) for w in range(WORKERS)),
        clock=ClockFact(end_s, end_s, end_s),
        in_flight_limit=100_000,
        deadline_s=60.0,
        journey_mix={"chat": 1.0},
    )
    catalog = Catalog(("chat",), ("warm", "peak"))
    return Rows(np.concatenate([array[w::WORKERS] for w in range(WORKERS)]), catalog), evidence


def _telemetry(array: np.ndarray, worker: int, end_s: float) -> np.ndarray:
    mine = array[array["worker"] == worker]
    times = np.arange(1.0, end_s + 2.0)
    record = np.zeros(len(times), TELEMETRY_DTYPE)
    record["t_s"], record["worker"], record["cpu_share"] = times, worker, 0.3
    record["loop_lag_s_p99"] = 0.001
    # The integral of in-flight up to t: the time since every send, less the time since every end.
    record["in_flight_area_s"] = _since(mine["sent_ns"], times) - _since(mine["finished_ns"], times)
    return record


def _since(moments_ns: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    moments_s = np.sort(moments_ns) * 1e-9
    sums = np.concatenate([[0.0], np.cumsum(moments_s)])
    before = np.searchsorted(moments_s, times_s)
    return before * times_s - sums[before]


def judged(count: int, *, foreign: bool) -> dict[str, float | str]:
    rows, evidence = made(count)
    if foreign:
        rows.array["first_token_ns"] = rows.array["last_token_ns"] = NEVER
        evidence = Evidence(own_run=False)
    slos = [parse_slo(text) for text in SLOS[1:3] if foreign] or [parse_slo(text) for text in SLOS]
    before, cpu_before = time.perf_counter(), time.process_time()
    verdict = judge(rows, slos, Rules(), evidence)
    spent_s, cpu_s = time.perf_counter() - before, time.process_time() - cpu_before
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": count,
        "foreign": str(foreign),
        "seconds": spent_s,
        "cpu_s": cpu_s,
        "peak_mb": peak_mb,
        "word": verdict.word.value,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, help="judge so many rows here and print a line of JSON")
    parser.add_argument("--foreign", action="store_true")
    asked = parser.parse_args()
    if asked.count:
        print(json.dumps(judged(asked.count, foreign=asked.foreign)))
        return
    for count, extra in ((1_000_000, []), (1_000_000, ["--foreign"]), (10_000_000, [])):
        command = [sys.executable, "-m", "bench.rows", "--count", str(count), *extra]
        line = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        seconds, peak_mb = BARS[count]
        holds = line["seconds"] <= seconds and line["peak_mb"] <= peak_mb
        kind = " of another tool" if extra else ""
        took = f"{line['seconds']:6.2f} s (CPU {line['cpu_s']:.2f} s, bar {seconds:g} s)"
        print(f"{count:>11,} rows{kind:<16} {line['word']:<12} {took}  peak {line['peak_mb']:.0f} MB (bar {peak_mb:g})")
        print("  holds" if holds else "  MISSED")


if __name__ == "__main__":
    main()
