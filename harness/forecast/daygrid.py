"""A history as days: one row a day, one column a slot, on the wall clock whose seasons people live by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.forecast.history import Floats, History

DAY_S = 86_400
_DAY_NS = DAY_S * 1_000_000_000


@dataclass(frozen=True)
class DayGrid:
    """`rates_per_s` has shape (days, slots), NaN where nothing is known. The last day ends where the history ends, so
    no day is cut off; a day therefore starts at the history's own hour, not at midnight."""

    rates_per_s: Floats
    bucket_s: float
    end_wall_ns: int | None
    """Wall-clock time at which the last day ends; None where the file's clock is relative."""

    @property
    def days(self) -> int:
        return int(self.rates_per_s.shape[0])

    def day_label(self, day: int) -> str:
        """`Tue 2026-05-12` for the wall-clock day of most of row `day` (which may lie in the future)."""
        if self.end_wall_ns is None:
            return f"day {day + 1}"
        middle = self.end_wall_ns + (day - self.days) * _DAY_NS + _DAY_NS // 2
        return pd.Timestamp(middle).strftime("%a %Y-%m-%d")


def day_grid(history: History) -> DayGrid:
    """Whole days of `history`, counted back from its end; zero days where it is shorter than one.

    Buckets that do not divide a day are laid on 5 minutes (whole seconds below that) by sharing out their requests. A
    day of a clock change loses or doubles an hour of the wall clock: a gap, or the mean of both.
    """
    counts, bucket_s = history.counts, history.bucket_s
    if DAY_S % bucket_s:
        counts, bucket_s = _shared_out(counts, bucket_s, 300.0 if bucket_s >= 60 else max(1.0, round(bucket_s)))
    slots = round(DAY_S / bucket_s)
    wall, end_wall_ns = _on_wall_clock(counts / bucket_s, bucket_s, history.start_ns, history.timezone)
    days = wall.size // slots
    return DayGrid(wall[wall.size - days * slots :].reshape(days, slots), bucket_s, end_wall_ns)


def _shared_out(counts: Floats, bucket_s: float, to_s: float) -> tuple[Floats, float]:
    while DAY_S % to_s:
        to_s += 1
    edges = np.arange(counts.size + 1) * bucket_s
    wanted = np.arange(int(edges[-1] // to_s) + 1) * to_s
    known = np.concatenate([[0.0], np.cumsum(np.nan_to_num(counts))])
    missing = np.concatenate([[0.0], np.cumsum(np.isnan(counts))])
    out = np.diff(np.interp(wanted, edges, known))
    out[np.diff(np.interp(wanted, edges, missing)) > 0] = np.nan
    return out, to_s


def _on_wall_clock(rates: Floats, bucket_s: float, start_ns: int | None, timezone: str) -> tuple[Floats, int | None]:
    if start_ns is None:
        return rates, None
    bucket_ns = round(bucket_s * 1e9)
    starts: npt.NDArray[np.int64] = start_ns + np.arange(rates.size, dtype=np.int64) * bucket_ns
    if timezone == "UTC":
        return rates, int(starts[-1]) + bucket_ns
    local = pd.DatetimeIndex(pd.to_datetime(starts, unit="ns", utc=True)).tz_convert(timezone).tz_localize(None)
    wall_ns = local.as_unit("ns").asi8
    index = np.rint((wall_ns - wall_ns[0]) / bucket_ns).astype(np.int64)
    size = int(index.max()) + 1
    known = ~np.isnan(rates)
    total = np.bincount(index[known], rates[known], minlength=size)
    seen = np.bincount(index[known], minlength=size)
    wall = np.divide(total, seen, out=np.full(size, np.nan), where=seen > 0)
    return wall, int(wall_ns[0]) + size * bucket_ns


def filled(rates: Floats) -> Floats:
    """Gaps of a (days, slots) grid filled for the sake of a model only: the same slot a week before, a day before, the
    slot's median, the grid's median; 0 where nothing at all is known."""
    out = rates.copy()
    if not np.isnan(out).any():
        return out
    for day in range(out.shape[0]):
        for back in (7, 1):
            if day >= back:
                gap = np.isnan(out[day])
                out[day, gap] = out[day - back, gap]
    known = ~np.isnan(out)
    anywhere = float(np.median(out[known])) if known.any() else 0.0
    slot = np.array(
        [np.median(column[ok]) if ok.any() else anywhere for column, ok in zip(out.T, known.T, strict=True)]
    )
    return np.where(known, out, slot[None, :])
