"""The forecast as one page: history, fan, the peak to survive, its chances, backtest, burstiness."""

from __future__ import annotations

import math
from typing import Any

from markupsafe import Markup

from harness.forecast import ChartData, Curve, Forecast, Peak, chart_data
from harness.report import svg, words
from harness.report.charts import NARROW, WIDE, Size, grid, time_axis
from harness.report.mix_chart import journey_shares, mix_chart
from harness.report.secrets import without_secrets
from harness.report.series import Floats
from harness.report.sheet import render

_POINTS, _NARROW_POINTS, _TABLE_ROWS = 560, 240, 120
_HEIGHT = 240


def forecast_html(peak: Peak, forecast: Forecast | None = None) -> str:
    """The page. `forecast` is the one from traffic behind `peak`; None for a launch plan, which has no history."""
    peak = without_secrets(peak)
    data = None if forecast is None else chart_data(forecast, _POINTS)
    few = None if forecast is None else chart_data(forecast, _NARROW_POINTS)
    name = "launch plan" if forecast is None else without_secrets(forecast.history.name)
    return render(
        "forecast.html",
        history=name,
        peak=peak,
        facts={"timezone": peak.timezone if forecast else ""},
        levels=peak.levels,
        notes=peak.notes[:40],
        provenance=[(k.replace("_", " "), _fact(v)) for k, v in peak.provenance.items() if v is not None],
        dispersion=data.dispersion if data else (),
        backtest=[_backtest_row(row) for row in data.backtest] if data else [],
        fan=_both(_fan(data, peak, WIDE), _fan(few, peak, NARROW)) if data and few else None,
        rows=_table(chart_data(forecast, _TABLE_ROWS)) if forecast else [],
        shape=_both(_shape(peak, WIDE), _shape(peak, NARROW)),
        journeys=journey_shares(peak),
        mix=_both(mix_chart(peak, WIDE), mix_chart(peak, NARROW)) if peak.mix_over_time else None,
    )


def _both(wide: str, narrow: str) -> Markup:
    return Markup(f'<div class="wide">{wide}</div><div class="narrow" hidden>{narrow}</div>')  # noqa: S704 -- escaped in svg.py


def _fan(data: ChartData, peak: Peak, size: Size) -> str:
    past, ahead = data.history, data.expected
    start_s = past.start_s.tolist() + ([] if ahead is None else ahead.start_s.tolist())
    width_s = start_s[-1] - start_s[-2] if len(start_s) > 1 else 1.0
    top = peak.peak_per_s()
    high = max([top, *_known(past.highest_per_s), *(_known(data.upper_per_s) if data.upper_per_s is not None else [])])
    axis, ticks = time_axis(start_s[-1] + width_s, size), svg.round_ticks(high)
    y_axis = svg.Axis(0, ticks[-1], _HEIGHT - 26, 12)
    parts = grid(y_axis, ticks, [words.rate(t) for t in ticks], size)
    if ahead is not None and data.lower_per_s is not None and data.upper_per_s is not None:
        upper, lower = (_points(ahead.start_s, v, axis, y_axis) for v in (data.upper_per_s, data.lower_per_s))
        parts += [svg.area(upper, lower, "judged"), svg.rule(upper[0][0], 12, upper[0][0], _HEIGHT - 26, "planned")]
        parts.append(svg.path(_points(ahead.start_s, ahead.highest_per_s, axis, y_axis), "soft"))
    parts.append(svg.path(_points(past.start_s, past.highest_per_s, axis, y_axis), "main", width=1.2))
    y = y_axis.at(top)
    parts.append(svg.rule(axis.start, y, axis.end, y, "limit", width=1.5, dash="5 4"))
    parts.append(svg.text(axis.start + 4, y - 5, f"peak to survive {words.rate(top)}/s", "limit", size=12))
    parts += _days(axis, axis.high, past.start_s[0], 0.0 if ahead is None else float(ahead.start_s[0]), size)
    return svg.picture(size.width, _HEIGHT, "History, days ahead and the peak to survive, requests/s", parts)


def _shape(peak: Peak, size: Size) -> str:
    step = max(1, math.ceil(peak.rates_per_s.size / (_POINTS if not size.narrow else _NARROW_POINTS)))
    rates = [float(peak.rates_per_s[i : i + step].max()) for i in range(0, peak.rates_per_s.size, step)]
    axis, ticks = time_axis(peak.duration_s, size), svg.round_ticks(max(rates), 3)
    y_axis = svg.Axis(0, ticks[-1], 134, 10)
    parts = grid(y_axis, ticks, [words.rate(t) for t in ticks], size)
    points = [(axis.at((i + 0.5) * step * peak.bucket_s), y_axis.at(rate)) for i, rate in enumerate(rates)]
    parts += [svg.area(points, [(x, y_axis.start) for x, _ in points], "judged"), svg.path(points, "main")]
    for part in range(5 if not size.narrow else 3):
        at_s = peak.duration_s * part / (4 if not size.narrow else 2)
        anchor = "start" if part == 0 else "end" if at_s >= peak.duration_s else "middle"
        parts.append(svg.text(axis.at(at_s), 152, words.day_clock(at_s), anchor=anchor, size=11))
    return svg.picture(size.width, 160, "Expected rates of the peak stretch, requests/s", parts)


def _points(start_s: Floats, values: Floats, axis: svg.Axis, y_axis: svg.Axis) -> list[tuple[float, float]]:
    return [
        (axis.at(float(x)), math.nan if math.isnan(v) else y_axis.at(float(v)))
        for x, v in zip(start_s, values, strict=True)
    ]


def _days(axis: svg.Axis, end_s: float, start_s: float, now_s: float, size: Size) -> list[str]:
    """Labels under the chart: how far back, the present, how far ahead."""
    y = _HEIGHT - 8
    if not now_s:
        return [svg.text(axis.end, y, _span(end_s - start_s), anchor="end", size=11)]
    parts = [svg.text(axis.start, y, f"{_span(now_s - start_s)} back", size=11)]
    parts.append(svg.text(axis.end, y, f"{_span(end_s - now_s)} ahead", anchor="end", size=11))
    if not size.narrow:
        parts.append(svg.text(axis.at(now_s), y, "end of the history", anchor="middle", size=11))
    return parts


def _span(seconds: float) -> str:
    return f"{seconds / 86_400:.3g} days" if seconds >= 86_400 else f"{seconds / 60:.3g} min"


def _known(values: Floats) -> list[float]:
    return [float(v) for v in values if not math.isnan(v)]


def _backtest_row(row: Any) -> dict[str, Any]:
    ratio = "-" if math.isnan(row.over_naive) else f"{row.over_naive:.3f}"
    return {"model": row.model, "wape": words.share(row.wape), "over_naive": ratio, "chosen": row.chosen}


def _table(data: ChartData) -> list[dict[str, Any]]:
    rows = [_row("history", data.history, i, "") for i in range(data.history.start_s.size)]
    if data.expected is None or data.lower_per_s is None or data.upper_per_s is None:
        return rows
    bands = zip(data.lower_per_s, data.upper_per_s, strict=True)
    told = [f"{words.rate(float(low))} to {words.rate(float(high))}" for low, high in bands]
    return rows + [_row("ahead", data.expected, i, band) for i, band in enumerate(told)]


def _row(part: str, curve: Curve, i: int, band: str) -> dict[str, Any]:
    mean, highest = float(curve.mean_per_s[i]), float(curve.highest_per_s[i])
    at = f"day {curve.start_s[i] / 86_400:.2f}"
    return {"at": at, "part": part, "mean": mean, "highest": highest, "band": band}


def _fact(value: str | float | None) -> str:
    return f"{value:,.10g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
