"""The charts of the report, each a pure function of its numbers and its size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis import Capacity, PhaseWindow
from harness.report import svg, words
from harness.report.plain import line
from harness.report.series import Exceedance, Floats, Timeline
from harness.units import format_duration

_LEFT, _RIGHT = 56, 14


@dataclass(frozen=True)
class Size:
    """The drawing's width in pixels. A narrow one is drawn anew for small screens, where scaled words are too small."""

    width: int

    @property
    def narrow(self) -> bool:
        return self.width < 500


WIDE, HALF, NARROW = Size(760), Size(540), Size(344)


@dataclass(frozen=True)
class Limit:
    """An SLO on a latency: metric, quantile, limit in seconds, and the share it lets be slower."""

    name: str
    quantile: float
    limit_s: float
    allowed_share: float


def time_axis(duration_s: float, size: Size) -> svg.Axis:
    return svg.Axis(0, duration_s, _LEFT, size.width - _RIGHT)


def latency_axis(values: Sequence[Floats], limit_s: float | None, top: float, bottom: float) -> svg.Axis:
    """Seconds upwards, from 0, or logarithmic where the values span more than a factor of 20."""
    known = np.concatenate([v[np.isfinite(v) & (v > 0)] for v in values]) if values else np.empty(0)
    marks = [limit_s] if limit_s else []
    high = max([*known.tolist(), *marks], default=1.0) * 1.15
    low = min([*known.tolist(), *marks], default=0.1)
    if high / low > 20:
        return svg.Axis(low * 0.8, high, bottom, top, log=True)
    return svg.Axis(0, svg.round_ticks(high)[-1], bottom, top)


def latency_ticks(axis: svg.Axis) -> list[float]:
    if not axis.log:
        return svg.round_ticks(axis.high)
    ticks = svg.log_ticks(axis.low, axis.high)
    return ticks if len(ticks) <= 6 else svg.log_ticks(axis.low, axis.high, (1,))


def tick_duration(seconds: float) -> str:
    """A short label: `0`, `250 ms`, `2 s`."""
    if seconds == 0:
        return "0"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def grid(axis: svg.Axis, ticks: Sequence[float], labels: Sequence[str], size: Size) -> list[str]:
    """Horizontal hairlines with their labels on the left."""
    parts = []
    for tick, label in zip(ticks, labels, strict=True):
        y = axis.at(tick)
        parts += [svg.rule(_LEFT, y, size.width - _RIGHT, y), svg.text(_LEFT - 6, y + 4, label, anchor="end", size=11)]
    return parts


def capacity_bar(capacity: Capacity, size: Size) -> str | None:
    """Proven, estimate and disproven rates as one bar against the forecast peak; None without any."""
    proven, estimate, disproven, peak = (
        capacity.proven,
        capacity.estimate,
        capacity.disproven,
        capacity.forecast_peak,
    )
    named = (("proven", proven), ("estimate", estimate), ("disproven", disproven), ("forecast peak", peak))
    known = [(name, rate) for name, rate in named if rate is not None]
    if not known or max(rate for _, rate in known) <= 0:
        return None
    axis = svg.Axis(0, max(rate for _, rate in known) * 1.12, 2, size.width - 2)
    top, height = 24, 14
    parts = [svg.box(axis.start, top, axis.end - axis.start, height, "band")]
    if disproven is not None:
        x = axis.at(disproven)
        parts.append(svg.box(x, top, axis.end - x, height, "bad", alpha=0.25, title="rates at which SLOs were missed"))
    if proven is not None:
        parts.append(svg.box(axis.start, top, axis.at(proven) - axis.start, height, "good", title="proven rates"))
    if estimate is not None:
        x = axis.at(estimate)
        parts.append(svg.rule(x, top - 3, x, top + height + 3, "text", width=1.5, dash="2 2"))
    parts += _below_bar(proven, disproven, axis, top + height + 16)
    if peak is not None:
        x = axis.at(peak)
        parts.append(svg.rule(x, top - 6, x, top + height + 6, "text", width=2.5))
        anchor, shift = ("end", 2) if x > size.width / 2 else ("start", -2)
        parts.append(
            svg.text(x + shift, top - 10, f"forecast peak {words.rate(peak)}/s", "text", anchor=anchor, size=13)
        )
    told = ", ".join(f"{name} {words.rate(rate)}/s" for name, rate in known)
    return svg.picture(size.width, top + height + 38, f"Capacity: {told}", parts)


def _below_bar(proven: float | None, disproven: float | None, axis: svg.Axis, y: float) -> list[str]:
    parts = []
    if proven is not None:
        anchor = "end" if axis.at(proven) > 110 else "start"
        parts.append(
            svg.text(
                max(axis.at(proven), axis.start), y, f"proven {words.rate(proven)}", "good", anchor=anchor, size=13
            )
        )
    if disproven is not None:
        x = axis.at(disproven)
        anchor = "start" if axis.end - x > 110 else "end"
        if proven is not None and anchor == "end" and x - axis.at(proven) < 120:
            y += 15  # both labels would end at the same place: the second goes below
        parts.append(svg.text(x, y, f"disproven {words.rate(disproven)}", "bad", anchor=anchor, size=13))
    return parts


def load_chart(data: Timeline, limit: Limit, capacity: Capacity, size: Size) -> str:
    """Latency against load: one dot a bin of the run; solid where the bin was judged, faint where it was not."""
    height, top = (300, 30) if not size.narrow else (260, 46)
    bottom = height - 40
    rates = data.count / data.width_s
    marks = [r for r in (capacity.proven, capacity.disproven, capacity.forecast_peak) if r is not None]
    x_ticks = svg.round_ticks(max([float(rates.max()), *marks]) * 1.02, 4 if size.narrow else 6)
    x_axis = svg.Axis(0, x_ticks[-1], _LEFT, size.width - _RIGHT)
    y_axis = latency_axis([data.tail_s], limit.limit_s, top + 18, bottom)
    ticks = latency_ticks(y_axis)
    title = f"{limit.name} by window of {words.limit(data.width_s, 's')}, against load"
    parts = [svg.text(0, 13, title, "text", size=13)]
    parts += grid(y_axis, ticks, [tick_duration(t) for t in ticks], size)
    parts += [svg.text(x_axis.at(t), height - 24, words.rate(t), anchor="middle", size=11) for t in x_ticks]
    middle = (_LEFT + size.width - _RIGHT) / 2
    parts.append(svg.text(middle, height - 6, "arrivals a second in the window", anchor="middle"))
    parts += _peak_mark(capacity.forecast_peak, x_axis, top, bottom)
    parts += _limit_mark(limit, y_axis, size)
    if np.isinf(data.tail_s).any():
        parts.append(svg.text(_LEFT - 6, y_axis.end - 10, "failed", "bad", anchor="end", size=11))
    parts += [_load_dot(data, int(i), limit, x_axis, y_axis) for i in np.flatnonzero(data.count)]
    return svg.picture(size.width, height, f"Latency against load: {title}", parts)


def _load_dot(data: Timeline, i: int, limit: Limit, x_axis: svg.Axis, y_axis: svg.Axis) -> str:
    rate, value = float(data.count[i]) / data.width_s, float(data.tail_s[i])
    if math.isnan(value):
        return ""
    role = "bad" if 0 < limit.limit_s < value else "main"
    x, y = x_axis.at(rate), y_axis.at(value)
    if math.isinf(value):  # so many did not succeed: off the scale, in a row of its own
        return svg.text(x, y_axis.end - 6, "\u00d7", role, anchor="middle", size=15)
    load = f"{words.rate(rate)}/s"
    told = f"{format_duration(float(data.edges_s[i]))}: {load}, {limit.name} {format_duration(value)}"
    return svg.dot(x, y, role, radius=3.5, alpha=0.75 if data.judged_share[i] >= 0.5 else 0.25, title=told)


def _peak_mark(peak: float | None, x_axis: svg.Axis, top: float, bottom: float) -> list[str]:
    if peak is None:
        return []
    x = x_axis.at(peak)
    anchor = "end" if x > (x_axis.start + x_axis.end) / 2 else "start"
    shift = -5 if anchor == "end" else 5
    return [
        svg.rule(x, top, x, bottom, "peak", width=1.5, dash="5 3"),
        svg.text(x + shift, bottom - 8, f"forecast peak {words.rate(peak)}", "peak", anchor=anchor),
    ]


def _limit_mark(limit: Limit, y_axis: svg.Axis, size: Size) -> list[str]:
    if not limit.limit_s:
        return []
    y = y_axis.at(limit.limit_s)
    return [
        svg.rule(_LEFT, y, size.width - _RIGHT, y, "limit", width=1.5),
        svg.text(_LEFT + 5, y - 5, f"SLO {words.limit(limit.limit_s, 's')}", "limit"),
    ]


def exceedance_chart(data: Exceedance, limit: Limit, size: Size) -> str:
    """The share of arrivals slower than x, both axes logarithmic. The SLO is the shaded corner the curve must not
    enter; failures never end, so the curve comes to rest on their share."""
    height, top = 280, 30
    low, high = max(float(data.latency_s[0]), 1e-4) * 0.8, max(float(data.latency_s[-1]), limit.limit_s) * 1.6
    x_axis = svg.Axis(min(low, limit.limit_s / 2), high, _LEFT, size.width - _RIGHT, log=True)
    least = min(0.5 / data.n, limit.allowed_share / 3 if limit.allowed_share > 0 else 1.0, 0.05)
    y_axis = svg.Axis(least, 1, height - 40, top, log=True)
    decades = [10.0**-k for k in range(math.floor(-math.log10(least)) + 1)]
    parts = grid(y_axis, decades, [words.limit(d, "share") for d in decades], size)
    x, y = x_axis.at(limit.limit_s), y_axis.at(max(limit.allowed_share, least))
    parts.append(svg.box(x, top, x_axis.end - x, y - top, "bad", alpha=0.1, title=f"beyond {limit.name}"))
    parts.append(svg.rule(x, top, x, height - 40, "limit", width=1.5))
    parts.append(svg.rule(x, y, x_axis.end, y, "limit", width=1.5))
    ticks = svg.log_ticks(
        x_axis.low, x_axis.high, (1,) if x_axis.high / x_axis.low > (30 if size.narrow else 200) else (1, 2, 5)
    )
    parts += [svg.text(x_axis.at(t), height - 24, tick_duration(t), anchor="middle", size=11) for t in ticks]
    curve = [(x_axis.at(float(v)), y_axis.at(float(s))) for v, s in zip(data.latency_s, data.share, strict=True)]
    if data.floor > 0:
        rest = y_axis.at(data.floor)
        curve.append((x_axis.end, rest))
        parts.append(svg.text(x_axis.end, rest - 6, f"{words.share(data.floor)} never succeeded", "bad", anchor="end"))
    parts.append(svg.path([(x_axis.start, y_axis.at(1)), *curve], "main", width=2))
    parts.append(svg.text((_LEFT + size.width - _RIGHT) / 2, height - 6, "response time from due", anchor="middle"))
    title = f"share of {words.count(data.n)} arrivals slower than x \u00b7 {limit.name}"
    parts.insert(0, svg.text(0, 13, title, "text", size=13))
    return svg.picture(size.width, height, f"Latency distribution: {title}", parts)


def certificate_chart(asked: Floats, got: Floats) -> str:
    """Gaps between arrivals, planned against sent, quantile by quantile: on the diagonal they are the same process."""
    side, left, top = 130, 52, 6
    low = max(1e-5, float(min(asked[0], got[0]))) * 0.8
    high = max(float(max(asked[-1], got[-1])) * 1.2, low * 10)
    x_axis = svg.Axis(low, high, left, left + side, log=True)
    y_axis = svg.Axis(low, high, top + side, top, log=True)
    parts = [
        svg.box(left, top, side, side, "band", alpha=0.6),
        svg.rule(left, top + side, left + side, top, "planned", width=1.5, dash="4 3"),
    ]
    for tick in svg.log_ticks(low, high, (1,)):
        parts.append(svg.text(x_axis.at(tick), top + side + 14, tick_duration(tick), anchor="middle", size=11))
        parts.append(svg.text(left - 5, y_axis.at(tick) + 4, tick_duration(tick), anchor="end", size=11))
    parts += [
        svg.dot(x_axis.at(max(float(a), low)), y_axis.at(max(float(g), low)), "main", radius=2.5)
        for a, g in zip(asked, got, strict=True)
    ]
    parts.append(svg.text(left + side / 2, top + side + 30, "gap planned", anchor="middle", size=11))
    parts.append(svg.text(left + 6, top + 14, "gap sent", size=11))
    name = "Arrival certificate: quantiles of the gaps between arrivals, planned against sent"
    return svg.picture(left + side + 12, top + side + 36, name, parts)


def phase_bands(phases: Sequence[PhaseWindow], axis: svg.Axis, top: float, bottom: float) -> list[str]:
    """Phases as bands behind the panels, the judged ones tinted, their names on top where they fit."""
    parts = []
    for phase in phases[:40]:
        x1, x2 = axis.at(phase.start_s), axis.at(phase.end_s)
        title = f"phase {phase.phase}" + (" (judged)" if phase.judged else "")
        parts.append(
            svg.box(
                x1, top, x2 - x1, bottom - top, "judged" if phase.judged else "band", alpha=0.7, title=line(title, 60)
            )
        )
        name = line(phase.phase, 24)
        if 7 * len(name) < x2 - x1:
            parts.append(svg.text((x1 + x2) / 2, top - 5, name, anchor="middle", size=11))
    return parts
