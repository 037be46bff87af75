"""A forecast to look at: as text for a terminal, and as plain numbers for a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from harness.forecast.burst import dispersion_index
from harness.forecast.forecast import Forecast
from harness.forecast.history import Floats
from harness.forecast.words import rate_words

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LABEL_WIDTH = 9
LEAST_WIDTH = 40
HISTORY_DAYS = 14
"""So much of the history is drawn: older days say nothing a reader can see at this size."""


@dataclass(frozen=True)
class Curve:
    """Highest and mean rate of equal stretches of time; NaN where nothing is known. All shape (n,)."""

    start_s: Floats
    """From the start of what is drawn."""
    highest_per_s: Floats
    mean_per_s: Floats


@dataclass(frozen=True)
class BacktestRow:
    model: str
    wape: float
    over_naive: float
    chosen: bool


@dataclass(frozen=True)
class ChartData:
    """What a page draws: history, fan, chosen peak, backtest and burstiness."""

    history: Curve
    expected: Curve | None
    """Of the days ahead, on the same clock; None where the shape is only observed."""
    lower_per_s: Floats | None
    upper_per_s: Floats | None
    peak_per_s: float
    peak_quantile: float | None
    worst_second_per_s: float | None
    backtest: tuple[BacktestRow, ...]
    dispersion: tuple[tuple[float, float], ...]
    """(window in s, index of dispersion) of recorded requests; empty where only counts are known."""


def chart_data(forecast: Forecast, points: int = 600) -> ChartData:
    """At most `points` stretches in all. Peaks survive: the highest rate of each stretch is kept beside its mean."""
    history, fan = forecast.history, forecast.fan
    known = history.rates_per_s[-max(1, round(HISTORY_DAYS * 86_400 / history.bucket_s)) :]
    known_s = known.size * history.bucket_s
    ahead_s = 0.0 if fan is None else fan.expected_per_s.size * fan.bucket_s
    share = known_s / (known_s + ahead_s)
    past = _curve(known, history.bucket_s, max(1, round(points * share)), 0.0)
    if fan is None:
        expected = lower = upper = None
    else:
        count = max(1, points - past.start_s.size)
        expected = _curve(fan.expected_per_s, fan.bucket_s, count, known_s)
        lower = _curve(fan.lower_per_s, fan.bucket_s, count, known_s).mean_per_s
        upper = _curve(fan.upper_per_s, fan.bucket_s, count, known_s).highest_per_s
    return ChartData(
        history=past,
        expected=expected,
        lower_per_s=lower,
        upper_per_s=upper,
        peak_per_s=forecast.peak.peak_per_s(),
        peak_quantile=forecast.peak.quantile,
        worst_second_per_s=forecast.peak.worst_second_per_s,
        backtest=_backtest_rows(forecast),
        dispersion=_dispersion(forecast),
    )


def _curve(rates: Floats, bucket_s: float, points: int, start_s: float) -> Curve:
    edges = np.unique(np.linspace(0, rates.size, min(points, rates.size) + 1).astype(int))
    parts = [rates[a:b] for a, b in pairwise(edges)]
    known = [part[~np.isnan(part)] for part in parts]
    return Curve(
        start_s + edges[:-1] * bucket_s,
        np.array([part.max() if part.size else np.nan for part in known]),
        np.array([part.mean() if part.size else np.nan for part in known]),
    )


def _backtest_rows(forecast: Forecast) -> tuple[BacktestRow, ...]:
    test = forecast.backtest
    if test is None:
        return ()
    return tuple(
        BacktestRow(track.name, test.wape(track.name), test.over_naive(track.name), track.name == forecast.model)
        for track in test.tracks
    )


def _dispersion(forecast: Forecast) -> tuple[tuple[float, float], ...]:
    requests = forecast.history.requests
    if requests is None:
        return ()
    pairs = ((w, dispersion_index(requests.offsets_s, forecast.history.duration_s, w)) for w in (1.0, 10.0, 60.0))
    return tuple((window, index) for window, index in pairs if math.isfinite(index))


def chart_text(forecast: Forecast, width: int = 100, height: int = 10, *, plain: bool = False) -> str:
    """History and days ahead as columns (the highest rate of each), the peak to survive as a line, the backtest below.
    `plain` keeps to ASCII."""
    width = max(width, LEAST_WIDTH)
    data = chart_data(forecast, width - _LABEL_WIDTH)
    ahead = np.empty(0) if data.expected is None else data.expected.highest_per_s
    columns = np.concatenate([data.history.highest_per_s, ahead])
    top = max(data.peak_per_s, float(np.nanmax(columns)), 1e-12)
    lines = [
        _row(columns, data.history.start_s.size, top * i / height, top * (i + 1) / height, data.peak_per_s, plain)
        for i in reversed(range(height))
    ]
    split = data.history.start_s.size
    flat, tick = ("-", "+") if plain else ("─", "┴")
    axis = flat * split + (tick + flat * (ahead.size - 1) if ahead.size else "")
    lines.append(" " * _LABEL_WIDTH + axis)
    lines.append((" " * _LABEL_WIDTH + _below(forecast, split, int(ahead.size)))[:width])
    return "\n".join([*lines, *_table(data, plain)]) + "\n"


def _row(columns: Floats, split: int, low: float, high: float, peak: float, plain: bool) -> str:  # noqa: PLR0917 -- one row's own numbers
    marks = []
    line = ("=" if plain else "╌") if low < peak <= high else " "
    for index, value in enumerate(columns):
        if math.isnan(value):
            marks.append("?" if low == 0 else line)  # a gap is not a zero
            continue
        eighths = round(8 * min(max((value - low) / (high - low), 0.0), 1.0))
        if plain:
            marks.append(("#" if index < split else ":") if eighths >= 4 else line)
        elif index >= split and eighths == 8:
            marks.append("▒")
        else:
            marks.append(_EIGHTHS[eighths] if eighths else line)
    label = rate_words(high) if line == " " else rate_words(peak)
    return f"{label:>{_LABEL_WIDTH - 2}} {'|' if plain else '│'}" + "".join(marks).rstrip()


def _below(forecast: Forecast, split: int, ahead: int) -> str:
    days = min(HISTORY_DAYS, forecast.history.duration_s / 86_400)
    past = f"{days:.3g} days" if days >= 1 else f"{days * 1440:.3g} min"
    if not ahead or forecast.fan is None:
        return past
    coming = f"{forecast.fan.expected_per_s.size * forecast.fan.bucket_s / 86_400:.3g} days ahead"
    return f"{past[:split]:<{split}} {coming}"


def _table(data: ChartData, plain: bool) -> list[str]:
    lines = []
    if data.backtest:
        lines.append(f"{'backtest':<22} {'WAPE':>7}  {'/ naive':>7}")
        for row in data.backtest:
            mark = (" *" if plain else " ◂") + " chosen" if row.chosen else ""
            lines.append(f"  {row.model:<20} {_percent(row.wape):>7}  {_ratio(row.over_naive):>7}{mark}")
    if data.dispersion:
        pairs = ", ".join(f"{index:.3g} at {window:g} s" for window, index in data.dispersion)
        lines.append(f"index of dispersion     {pairs} (Poisson: 1)")
    return lines


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f} %"


def _ratio(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
