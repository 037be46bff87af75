"""Synthetic runs of our own engine, healthy unless told otherwise: plan, rows and telemetry that agree with each
other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.analysis import Evidence, PhaseWindow, Planned, Rules, Verdict, judge, parse_slo
from harness.results import (
    NEVER,
    RESULT_DTYPE,
    TELEMETRY_DTYPE,
    Catalog,
    ClockFact,
    Outcome,
    Rows,
    WorkerFact,
)
from harness.results.row import FLAG_STREAMED, FLAG_TOKENS_FROM_USAGE

SMOKE = Rules(smoke=True)
SLOS = ("ttft p95 <= 2s", "e2e p95 <= 4s", "errors < 3%", "goodput >= 90% {ttft: 2s}")

Latency = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def lognormal(median_s: float = 0.8, sigma: float = 0.35) -> Latency:
    return lambda rng, due: median_s * np.exp(sigma * rng.standard_normal(len(due)))


@dataclass
class World:
    """A run that can be spoiled field by field before it is judged."""

    rows: Rows
    evidence: Evidence

    @property
    def array(self) -> Any:
        return self.rows.array

    def change(self, **evidence: Any) -> World:
        self.evidence = replace(self.evidence, **evidence)
        return self

    def keep(self, mask: np.ndarray) -> World:
        self.rows = replace(self.rows, array=self.rows.array[mask])
        return self

    def fail(self, mask: np.ndarray, outcome: Outcome, after_s: float = 0.05) -> World:
        """These arrivals end in `outcome`, `after_s` after they were sent."""
        array = self.rows.array
        array["outcome"][mask] = outcome
        array["status"][mask] = {Outcome.THROTTLED: 429, Outcome.SERVER_ERROR: 503}.get(outcome, 0)
        array["first_token_ns"][mask] = NEVER
        array["last_token_ns"][mask] = NEVER
        array["finished_ns"][mask] = array["sent_ns"][mask] + int(after_s * 1e9)
        if outcome in {Outcome.NOT_SENT, Outcome.LOST_WITH_WORKER}:
            array["sent_ns"][mask] = NEVER
            array["finished_ns"][mask] = NEVER
        return self.metered()

    def metered(self) -> World:
        """Telemetry anew from the rows as they are now."""
        self.evidence = replace(self.evidence, telemetry=telemetry(self.rows.array, self.evidence.phases[-1].end_s))
        return self

    def judged(self, *slos: str, rules: Rules = SMOKE) -> Verdict:
        return judge(self.rows, [parse_slo(text) for text in slos or SLOS], rules, self.evidence)


def poisson(rng: np.random.Generator, rate: float, start_s: float, end_s: float) -> np.ndarray:
    count = rng.poisson(rate * (end_s - start_s))
    return np.sort(rng.uniform(start_s, end_s, count))


def run(
    seed: int = 1,
    rate: float = 20.0,
    judged_s: float = 45.0,
    warm_s: float = 10.0,
    latency: Latency | None = None,
    workers: int = 2,
    journeys: tuple[str, ...] = ("chat", "rag"),
    due: np.ndarray | None = None,
    constant: bool = True,
) -> World:
    """A healthy run: a warm-up phase, then the judged `peak`."""
    rng = np.random.default_rng(seed)
    end = warm_s + judged_s
    due_s = poisson(rng, rate, 0, end) if due is None else due
    n = len(due_s)
    array = np.zeros(n, dtype=RESULT_DTYPE)
    array["seq"] = np.arange(n)
    array["due_ns"] = np.rint(due_s * 1e9)
    lag_s = rng.exponential(0.0003, n)
    array["sent_ns"] = array["due_ns"] + np.rint(lag_s * 1e9).astype(np.int64)
    spent_s = (latency or lognormal())(rng, due_s)
    array["finished_ns"] = array["sent_ns"] + np.rint(spent_s * 1e9).astype(np.int64)
    array["first_token_ns"] = array["sent_ns"] + np.rint(spent_s * 0.4e9).astype(np.int64)
    array["last_token_ns"] = array["finished_ns"] - 1000
    array["tokens_in"] = 100
    array["tokens_out"] = 40
    array["events"] = 40
    array["max_gap_us"] = 30_000
    array["status"] = 200
    array["attempts"] = 1
    array["worker"] = np.arange(n) % workers
    array["flags"] = FLAG_STREAMED | FLAG_TOKENS_FROM_USAGE
    array["journey"] = rng.integers(0, len(journeys), n)
    array["phase"] = due_s >= warm_s
    phases = (PhaseWindow("warm", 0, warm_s, True, False), PhaseWindow("peak", warm_s, end, constant, True))
    planned = Planned(array["due_ns"].copy(), array["phase"].copy(), array["journey"].copy(), array["seq"].copy())
    shares = {w: int((array["worker"] == w).sum()) for w in range(workers)}
    evidence = Evidence(
        own_run=True,
        phases=phases,
        planned=planned,
        telemetry=telemetry(array, end),
        workers=tuple(WorkerFact(w, "done", shares[w], shares[w]) for w in range(workers)),
        clock=ClockFact(end + 1, end + 1, end + 1.001),
        in_flight_limit=10_000,
        deadline_s=60.0,
        journey_mix=dict.fromkeys(journeys, 1.0 / len(journeys)),
        forecast_peak=rate * 0.9,
    )
    shuffled = rng.permutation(n)
    return World(Rows(array[shuffled], Catalog(journeys, ("warm", "peak"))), evidence)


def telemetry(array: np.ndarray, end_s: float) -> np.ndarray:
    """One honest record a second and worker."""
    times = np.arange(1.0, end_s + 2.0)
    parts = []
    for worker in np.unique(array["worker"]):
        mine = array[(array["worker"] == worker) & (array["sent_ns"] >= 0)]
        sent, finished = mine["sent_ns"] * 1e-9, mine["finished_ns"] * 1e-9
        record = np.zeros(len(times), dtype=TELEMETRY_DTYPE)
        record["t_s"] = times
        record["worker"] = worker
        record["cpu_share"] = 0.3
        record["loop_lag_s_max"] = 0.002
        record["loop_lag_s_p99"] = 0.001
        record["send_lag_s_p99"] = 0.001
        area = [np.clip(np.minimum(finished, t) - sent, 0, None).sum() for t in times]
        record["in_flight_area_s"] = area
        record["connects"] = 10
        record["segments_sent"] = [int((sent <= t).sum()) for t in times]
        record["segments_received"] = record["segments_sent"] * 40
        record["round_trip_s"] = 0.001
        record["addresses"], record["busiest_address"] = 1, 1.0
        record["in_flight"] = [int(((sent <= t) & (finished > t)).sum()) for t in times]
        parts.append(record)
    return np.concatenate(parts)
