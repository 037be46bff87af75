"""Rows -> the few hundred numbers that charts and tables show. Pure numpy; a million rows in well under a second.

As in the verdict, an arrival that did not succeed is infinitely slow (`inf`): it can not flatter a quantile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis import Evidence
from harness.report.promise import judged_mask
from harness.results import NEVER, SUCCESSES, Outcome, ResultArray, Rows
from harness.results.row import FLAG_STREAMED

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

BINS_MAX = 120
_WIDTHS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0)
_NS = 1e9
_SUCCEEDED = np.isin(np.arange(256), [int(o) for o in SUCCESSES])
"""By the outcome's code."""


@dataclass(frozen=True)
class Timeline:
    """One value a bin of the run's clock, in order of due time. Every array has shape (bins,)."""

    edges_s: Floats
    """Shape (bins + 1,)."""
    due_rate: Floats | None
    """Planned arrivals a second, from the plan; None where the plan is not at hand."""
    sent_rate: Floats
    """Arrivals sent a second, by the moment of sending."""
    count: Counts
    """Arrivals due in the bin."""
    p50_s: Floats
    tail_s: Floats
    """The tail quantile asked for; `inf` where so many did not succeed, NaN in an empty bin."""
    outcomes: dict[str, Counts]
    """Arrivals by outcome and bin of their due time, `ok` left out."""
    in_flight: Floats | None
    """The most at once, summed over workers, from telemetry."""
    judged_share: Floats
    """Share of the bin's arrivals that belong to a judged phase; 0 in an empty bin."""

    @property
    def width_s(self) -> float:
        return float(self.edges_s[1] - self.edges_s[0])


def latencies_s(rows: ResultArray, metric: str) -> Floats:
    """Seconds by `metric`: `ttft` from due to the first content, `tpot` a token, `gap` the longest pause, `service`
    from the send, else from due to the last byte. `inf` where the request did not succeed; NaN where the metric does
    not apply (an answer that is no stream has no TTFT, one token no TPOT)."""
    ok = _SUCCEEDED[rows["outcome"]]
    first, finished = rows["first_token_ns"], rows["finished_ns"]
    if metric == "ttft":
        streamed = (rows["flags"] & FLAG_STREAMED) > 0
        never = np.where(streamed, np.inf, np.nan)  # a streamed success without content is a failure of the stream
        value = np.where(first == NEVER, never, (first - rows["due_ns"]) / _NS)
    elif metric == "tpot":
        tokens = rows["tokens_out"].astype(np.float64)
        span = (rows["last_token_ns"] - first) / _NS
        value = np.where(tokens >= 2, span / np.maximum(tokens - 1, 1), np.nan)
    elif metric == "gap":
        value = np.where(first == NEVER, np.nan, rows["max_gap_us"] / 1e6)
    else:
        start = rows["sent_ns"] if metric == "service" else rows["due_ns"]
        value = np.where(finished == NEVER, np.inf, (finished - start) / _NS)
    return np.where(ok, value, np.inf)


def bin_width_s(duration_s: float, arrivals: int) -> float:
    """The smallest round width with at most `BINS_MAX` bins and about 30 arrivals in each."""
    bins = max(1, min(BINS_MAX, arrivals // 30))
    return next((w for w in _WIDTHS_S if duration_s / w <= bins), max(_WIDTHS_S[-1], duration_s / BINS_MAX))


@dataclass(frozen=True)
class Timed:
    """What the timeline's latency is: a metric at a tail quantile, of `rows` in order of due time (of all arrivals
    where None)."""

    metric: str
    quantile: float
    rows: ResultArray | None = None


def timeline(
    rows: Rows,
    evidence: Evidence | None,
    timed: Timed,
    judged: tuple[str, ...] = (),
    width_s: float | None = None,
) -> Timeline | None:
    """The run cut into bins of equal width, as wide as the arrivals ask for unless told; None without an arrival."""
    arrivals = rows.arrivals()
    if arrivals.size == 0:
        return None
    planned = evidence.planned if evidence else None
    last_due = int(arrivals["due_ns"][-1])
    if planned is not None and planned.due_ns.size:
        last_due = max(last_due, int(planned.due_ns[-1]))
    width_s = width_s or bin_width_s(max(last_due / _NS, 0.5), arrivals.size)
    bins = math.floor(last_due / _NS / width_s) + 1
    due_bin = _bin_of(arrivals["due_ns"], width_s)
    sent = arrivals["sent_ns"][arrivals["sent_ns"] >= 0]
    of = arrivals if timed.rows is None else timed.rows
    of_bin = _bin_of(of["due_ns"], width_s)
    median, tail = _quantiles(latencies_s(of, timed.metric), of_bin, bins, (0.5, timed.quantile))
    count = _tally(due_bin, bins)
    judged_count = _tally(due_bin[judged_mask(arrivals, rows.catalog.phases, judged)], bins)
    return Timeline(
        edges_s=np.arange(bins + 1, dtype=np.float64) * width_s,
        due_rate=_tally(_bin_of(planned.due_ns, width_s), bins) / width_s if planned is not None else None,
        sent_rate=_tally(_bin_of(sent, width_s), bins) / width_s,
        count=count,
        p50_s=median,
        tail_s=tail,
        outcomes=_outcomes(arrivals, due_bin, bins),
        in_flight=_in_flight(evidence, width_s, bins),
        judged_share=judged_count / np.maximum(count, 1),
    )


@dataclass(frozen=True)
class Exceedance:
    """How many arrivals were slower than each latency: `share[i]` of them took longer than `latency_s[i]`.
    `floor` is the share that never succeeded. `n` arrivals in all."""

    latency_s: Floats
    share: Floats
    floor: float
    n: int


def exceedance(values_s: Floats, points: int = 160) -> Exceedance | None:
    """The share slower than x, at about `points` ranks that crowd towards the tail; None without a finite value."""
    values = np.sort(values_s[~np.isnan(values_s)])
    finite = int(np.count_nonzero(np.isfinite(values)))
    if finite == 0:
        return None
    n = values.size
    body = np.linspace(0, finite - 1, min(points // 2, finite))
    tail = finite - np.geomspace(1, finite, min(points // 2, finite))
    ranks = np.unique(np.clip(np.rint(np.concatenate([body, tail])), 0, finite - 1).astype(np.int64))
    return Exceedance(values[ranks], 1 - (ranks + 1) / n, (n - finite) / n, n)


def gap_quantiles(rows: Rows, evidence: Evidence | None, points: int = 40) -> tuple[Floats, Floats] | None:
    """Quantiles of the gaps between arrivals, planned and as sent, in seconds, each of shape (points,). On the diagonal
    of their plot the realised process is the planned one. None without a plan or with under 100 arrivals."""
    planned = evidence.planned if evidence else None
    sent = np.sort(rows.arrivals()["sent_ns"])
    sent = sent[sent >= 0]
    if planned is None or sent.size < 100 or planned.due_ns.size < 100:
        return None
    at = np.linspace(0.02, 0.998, points)
    asked, got = (np.quantile(np.diff(times) / _NS, at) for times in (np.sort(planned.due_ns), sent))
    return asked, got


def _bin_of(times_ns: npt.NDArray[np.int64], width_s: float) -> Counts:
    return (times_ns / (width_s * _NS)).astype(np.int64)


def _tally(bin_of: Counts, bins: int) -> Counts:
    return np.bincount(bin_of[bin_of < bins], minlength=bins)


def _quantiles(values: Floats, bin_of: Counts, bins: int, at: tuple[float, ...]) -> list[Floats]:
    """The inverse of the empirical distribution in each bin, one array for each of `at`; NaN in an empty bin.
    `bin_of` ascends: rows are in order of due time."""
    found = [np.full(bins, np.nan) for _ in at]
    edges = np.searchsorted(bin_of, np.arange(bins + 1))
    for i in range(bins):
        inside = values[edges[i] : edges[i + 1]]
        inside = inside[~np.isnan(inside)]
        if inside.size == 0:
            continue
        ranks = [max(0, math.ceil(q * inside.size - 1e-9) - 1) for q in at]
        ordered = np.partition(inside, sorted(set(ranks)))
        for values_of, rank in zip(found, ranks, strict=True):
            values_of[i] = ordered[rank]
    return found


def _outcomes(arrivals: ResultArray, due_bin: Counts, bins: int) -> dict[str, Counts]:
    seen = {}
    for code in np.unique(arrivals["outcome"]):
        if code != Outcome.OK:
            label = Outcome(int(code)).label if int(code) in set(Outcome) else f"outcome {code}"
            seen[label] = np.bincount(due_bin[arrivals["outcome"] == code], minlength=bins)
    return dict(sorted(seen.items(), key=lambda item: -int(item[1].sum())))


def _in_flight(evidence: Evidence | None, width_s: float, bins: int) -> Floats | None:
    telemetry = evidence.telemetry if evidence else None
    if telemetry is None or telemetry.size == 0:
        return None
    # Workers report on their own seconds: sum the workers' maxima of each bin (an upper bound of the joint maximum).
    bin_of = np.floor(np.maximum(telemetry["t_s"] - 1e-6, 0) / width_s).astype(np.int64)
    total = np.zeros(bins)
    for worker in np.unique(telemetry["worker"]):
        mine = (telemetry["worker"] == worker) & (bin_of < bins)
        most = np.zeros(bins)
        np.maximum.at(most, bin_of[mine], telemetry["in_flight"][mine].astype(np.float64))
        total += most
    return total
