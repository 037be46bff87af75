"""The SLOs of a run that is under way, a value each, read from what the workers have written so far."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from harness import store
from harness.analysis import RunningSlo, Slo, lag_limit_s
from harness.analysis.slo import AT_LEAST, Kind
from harness.report import LivePlan, LiveSlo
from harness.results import Catalog, Rows, SpoolTails
from harness.run.planning import Load

RECENT_S = 2.0
"""So much of the run makes one bar of the sparkline."""
RECENT = 20


def live_plan(load: Load, slos: Sequence[Slo]) -> LivePlan:
    """What the live view holds the run against."""
    stages = tuple((phase.name, phase.start_s, phase.end_s) for phase in load.shape.phases)
    return LivePlan(stages, load.arrivals.array["due_ns"] * 1e-9, send_lag_limit_s=lag_limit_s(slos))


class SloWatch:
    """Follows the SLOs of one run, each over its current stage so far."""

    def __init__(self, folder: store.RunFolder, slos: Sequence[Slo], load: Load, workers: int) -> None:
        catalog = Catalog(journeys=load.arrivals.journeys, phases=load.arrivals.phases)
        self._tails = SpoolTails([folder.spool(k) for k in range(workers)], catalog)
        self._load = load
        self._rows = [_Row(slo) for slo in slos if RunningSlo.follows(slo)]

    def look(self, elapsed_s: float) -> tuple[LiveSlo, ...]:
        """Reads what is new and says where each SLO stands at this moment of the run."""
        rows = self._tails.read()
        phases = [phase for phase in self._load.shape.phases if phase.start_s <= max(0.0, elapsed_s)]
        number = self._load.arrivals.phases.index(phases[-1].name) if phases else 0
        for row in self._rows:
            row.take(rows, number, elapsed_s)
        return tuple(row.shown for row in self._rows)


class _Row:
    def __init__(self, slo: Slo) -> None:
        self._slo = slo
        self._phase = -1
        self._stage = RunningSlo(slo)
        self._window = RunningSlo(slo)
        self._window_end_s = RECENT_S
        self._recent: deque[float] = deque(maxlen=RECENT)

    def take(self, rows: Rows, phase: int, elapsed_s: float) -> None:
        if phase != self._phase:
            self._phase, self._stage = phase, RunningSlo(self._slo)
        if elapsed_s >= self._window_end_s:
            self._recent.append(self._window.value if self._window.n else math.nan)
            self._window, self._window_end_s = RunningSlo(self._slo), elapsed_s + RECENT_S
        if rows.array.size:
            self._stage.add(Rows(rows.array[rows.array["phase"] == phase], rows.catalog))
            self._window.add(rows)

    @property
    def shown(self) -> LiveSlo:
        slo = self._slo
        return LiveSlo(
            name=_name(slo),
            now=self._stage.value,
            limit=slo.limit,
            unit=slo.unit,
            at_least=slo.metric in AT_LEAST,
            recent=tuple(self._recent),
            n=self._stage.n,
        )


def _name(slo: Slo) -> str:
    """`ttft p99 chat`: what is measured, and where."""
    quantile = f"p{100 * slo.quantile:g}" if slo.kind is Kind.QUANTILE else ""
    return " ".join(filter(None, [slo.metric, quantile, *slo.where.values()]))
