"""An SLO while its rows still come in: the judge's own measures, kept as counts so that a look costs the same after a
million rows as after a thousand. For the eye, not for a verdict: no interval, and quantiles to 1 %."""

from __future__ import annotations

import math

import numpy as np

from harness.analysis.measure import NoSample, bad_requests, latencies
from harness.analysis.slo import AT_LEAST, Kind, Slo
from harness.analysis.view import Floats, Indexes, View
from harness.results import ARRIVAL, Rows

_STEP = math.log(1.01)
_LEAST = 1e-6
_BINS = 2600
"""From a microsecond to 48 hours in steps of 1 %; the last bin holds what never came (`inf`)."""


class RunningSlo:
    """Counts of one SLO. Means are not followed: `follows` says whether there is anything to show."""

    def __init__(self, slo: Slo) -> None:
        self.slo = slo
        self.n = 0
        self._bad = 0
        self._bins = np.zeros(_BINS, np.int64) if slo.kind is Kind.QUANTILE else None

    @staticmethod
    def follows(slo: Slo) -> bool:
        return slo.kind is not Kind.MEAN

    def add(self, rows: Rows) -> None:
        """Takes in rows that were not seen before, of whatever step."""
        view = _in_scope(self.slo, rows)
        if len(view) == 0:
            return
        if self._bins is None:
            try:
                self._bad += int(bad_requests(self.slo, view).sum())
            except NoSample:
                return
            self.n += len(view)
            return
        try:
            values, _ = latencies(view, self.slo.metric)
        except NoSample:
            return
        values = values[~np.isnan(values)]
        self._bins += np.bincount(_bin_of(np.abs(values)), minlength=_BINS)
        self.n += values.size

    @property
    def value(self) -> float:
        """In the SLO's unit; NaN while nothing is known, `inf` where the quantile falls on failures."""
        if self.n == 0:
            return math.nan
        more_is_better = self.slo.metric in AT_LEAST
        if self._bins is None:
            share = self._bad / self.n
            return 1 - share if more_is_better else share
        finite = self._bins[:-1]
        # From the best to the worst: short times first, high rates first; what failed is worse than all.
        counts = np.cumsum(finite[::-1] if more_is_better else finite)
        place = int(np.searchsorted(counts, math.ceil(self.slo.quantile * self.n)))
        if place == counts.size:
            return 0.0 if more_is_better else math.inf
        return float(_LEAST * math.exp((counts.size - 1 - place if more_is_better else place) * _STEP))


def _in_scope(slo: Slo, rows: Rows) -> View:
    catalog = rows.catalog
    places = {"journey": catalog.journeys, "phase": catalog.phases, "tenant": catalog.tenants, "step": catalog.steps}
    numbers = {key: places[key].index(name) if name in places[key] else -1 for key, name in slo.where.items()}
    view = View.of(rows, numbers.pop("step", ARRIVAL))
    for key, number in numbers.items():
        view = view.where(view.raw(key) == number) if number >= 0 else view.where(np.zeros(len(view), bool))
    return view


def _bin_of(values: Floats) -> Indexes:
    lasting = np.isinf(values)
    places = np.log(np.maximum(np.where(lasting, 1.0, values), _LEAST) / _LEAST) / _STEP
    bins = np.minimum(np.rint(places).astype(np.intp), _BINS - 2)
    bins[lasting] = _BINS - 1
    return bins
