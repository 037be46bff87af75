"""What a check is about, taken apart for display: its name, its scope, and the rows it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.analysis import Check, SloError, parse_slo
from harness.report import words
from harness.report.plain import line
from harness.results import ARRIVAL, ResultArray, Rows

_TEXT_MAX = 400


@dataclass(frozen=True)
class Promise:
    """One SLO without its limit: that has a column of its own."""

    name: str
    """`ttft p95`."""
    where: Mapping[str, str] = field(default_factory=dict)
    parts: str = ""
    """Of goodput: what a good request keeps (`ttft 2 s, tpot 80 ms`)."""

    @property
    def scope(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self.where.items())

    @property
    def title(self) -> str:
        """Name and scope on one line: `ttft p95, journey=chat`."""
        return line(f"{self.name}, {self.scope}" if self.where else self.name, 90)

    @property
    def details(self) -> str:
        """Scope and parts, for the line under the name; empty where there is neither."""
        named = [f"where {self.scope}"] if self.where else []
        return "; ".join(named + ([f"good: {self.parts}"] if self.parts else []))


def promise(check: Check) -> Promise:
    """Reads the SLO of `check`; one that this version cannot read is named by its text up to the comparison."""
    text = check.slo[:_TEXT_MAX]
    try:
        slo = parse_slo(text)
    except SloError:
        return Promise(line(_before_comparison(text), 60))
    name = slo.metric if np.isnan(slo.quantile) else f"{slo.metric} p{100 * slo.quantile:.6g}"
    parts = ", ".join(f"{metric} {words.limit(limit, 's')}" for metric, limit in slo.limits)
    return Promise(name, slo.where, parts)


def rows_of(check: Check, rows: Rows, judged: tuple[str, ...] = ()) -> ResultArray:
    """The rows that the check's scope names, in order of due time: arrivals, or the requests of a step; of the judged
    phases only where any is given."""
    where, catalog = promise(check).where, rows.catalog
    places = {"journey": catalog.journeys, "phase": catalog.phases, "tenant": catalog.tenants, "step": catalog.steps}
    index = {key: places[key].index(name) if name in places[key] else -1 for key, name in where.items()}
    array = rows.arrivals() if index.get("step", ARRIVAL) == ARRIVAL else _by_due(rows, index["step"])
    keep = judged_mask(array, catalog.phases, judged)
    for key in ("journey", "phase", "tenant"):
        if key in index:
            keep &= array[key].astype(np.int64) == index[key]
    kept: ResultArray = array[keep]
    return kept


def judged_mask(array: ResultArray, phases: tuple[str, ...], judged: tuple[str, ...]) -> np.ndarray:
    """Rows of the judged phases; all of them where none is named."""
    if not judged:
        return np.ones(array.size, dtype=np.bool_)
    return np.isin(array["phase"], [i for i, name in enumerate(phases) if name in judged])


def _by_due(rows: Rows, step: int) -> ResultArray:
    array: ResultArray = rows.array[rows.array["step"] == step]
    ordered: ResultArray = array[np.argsort(array["due_ns"], kind="stable")]
    return ordered


def _before_comparison(text: str) -> str:
    for sign in ("<", ">", "\u2264", "\u2265"):
        text = text.split(sign, 1)[0]
    return text.strip() or "?"
