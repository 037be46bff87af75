"""Arrivals by phase, by journey, and one by one where they were slowest. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.report.series import Floats, latencies_s
from harness.results import Outcome, Reason, ResultArray, Rows

GROUPS_MAX = 30
SLOWEST_MAX = 50


@dataclass(frozen=True)
class Group:
    """One phase or journey. Latencies in seconds from due, failures as `inf`; NaN where there is nothing."""

    name: str
    n: int
    rate: float
    """Arrivals a second between its first and last one due."""
    failed_share: float
    degraded_share: float
    e2e_p50_s: float
    e2e_p95_s: float
    e2e_p99_s: float
    ttft_p95_s: float


@dataclass(frozen=True)
class Slow:
    """One slow arrival; `latency_s` from due, `waited_s` of it before it was sent."""

    seq: int
    due_s: float
    latency_s: float
    waited_s: float
    ttft_s: float
    outcome: str
    reason: str
    status: int
    journey: str
    phase: str
    worker: int


def by_field(rows: Rows, field: str) -> list[Group]:
    """Groups by `phase` or `journey`, in the catalog's order; beyond `GROUPS_MAX` names the rest is one group."""
    arrivals = rows.arrivals()
    names = getattr(rows.catalog, {"phase": "phases", "journey": "journeys"}[field])
    codes = np.unique(arrivals[field])
    groups = [
        _group(names[code] if code < len(names) else f"{field} {code}", _of(arrivals, field, code, codes.size))
        for code in codes[:GROUPS_MAX]
    ]
    if codes.size > GROUPS_MAX:
        rest = arrivals[np.isin(arrivals[field], codes[GROUPS_MAX:])]
        groups.append(_group(f"{codes.size - GROUPS_MAX} others", rest))
    return groups


def _of(arrivals: ResultArray, field: str, code: int, groups: int) -> ResultArray:
    kept: ResultArray = arrivals if groups == 1 else arrivals[arrivals[field] == code]
    return kept


def slowest(rows: Rows) -> list[Slow]:
    """The slowest arrivals that ended (well or not), worst first: how long the caller waited, whatever came of it."""
    arrivals = rows.arrivals()
    finished = arrivals["finished_ns"]
    waited = np.where(finished >= 0, finished - arrivals["due_ns"], -1)
    keep = min(SLOWEST_MAX, int(np.count_nonzero(finished >= 0)))
    if keep == 0:
        return []
    top = np.argpartition(waited, waited.size - keep)[waited.size - keep :]
    top = top[np.lexsort((arrivals["seq"][top], -waited[top]))]
    return [_slow(row, rows) for row in arrivals[top]]


def _group(name: str, arrivals: ResultArray) -> Group:
    outcomes = arrivals["outcome"]
    due_s = arrivals["due_ns"] / 1e9
    span_s = float(due_s[-1] - due_s[0]) if arrivals.size > 1 else 0.0
    degraded = float(np.mean(outcomes == Outcome.DEGRADED))
    e2e, ttft = latencies_s(arrivals, "e2e"), latencies_s(arrivals, "ttft")
    return Group(
        name=name,
        n=arrivals.size,
        rate=(arrivals.size - 1) / span_s if span_s > 0 else float("nan"),
        failed_share=float(np.mean((outcomes != Outcome.OK) & (outcomes != Outcome.DEGRADED))),
        degraded_share=degraded,
        e2e_p50_s=quantile(e2e, 0.5),
        e2e_p95_s=quantile(e2e, 0.95),
        e2e_p99_s=quantile(e2e, 0.99),
        ttft_p95_s=quantile(ttft, 0.95) if np.any(arrivals["first_token_ns"] >= 0) else float("nan"),
    )


def quantile(values: Floats, q: float) -> float:
    """The inverse of the empirical distribution; NaN of nothing."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return float("nan")
    return float(np.quantile(known, q, method="inverted_cdf"))


def _slow(row: np.void, rows: Rows) -> Slow:
    catalog = rows.catalog
    due, first, sent = int(row["due_ns"]), int(row["first_token_ns"]), int(row["sent_ns"])
    return Slow(
        seq=int(row["seq"]),
        due_s=due / 1e9,
        latency_s=(int(row["finished_ns"]) - due) / 1e9,
        waited_s=(sent - due) / 1e9 if sent >= 0 else float("nan"),
        ttft_s=(first - due) / 1e9 if first >= 0 else float("nan"),
        outcome=label(Outcome, int(row["outcome"])),
        reason=label(Reason, int(row["reason"])),
        status=int(row["status"]),
        journey=name_of(catalog.journeys, int(row["journey"])),
        phase=name_of(catalog.phases, int(row["phase"])),
        worker=int(row["worker"]),
    )


def name_of(names: tuple[str, ...], index: int) -> str:
    """A catalog name, or its number where the catalog has none."""
    return names[index] if index < len(names) else str(index)


def label(kind: type[Outcome] | type[Reason], number: int) -> str:
    """The label of an outcome or reason, or its number where this version does not know it."""
    return kind(number).label if number in kind._value2member_map_ else str(number)
