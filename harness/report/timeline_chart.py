"""The timeline: load, latency, failures and requests in flight on one clock, with the phases and the faults behind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis import PhaseWindow
from harness.report import svg, words
from harness.report.charts import (
    Limit,
    Size,
    grid,
    latency_axis,
    latency_ticks,
    phase_bands,
    tick_duration,
    time_axis,
)
from harness.report.model import FaultBand
from harness.report.plain import line
from harness.report.series import Floats, Timeline
from harness.units import format_duration

_ROLES = {
    "throttled": ("throttled", "throttled (429)"),
    "timeout": ("timeout", "timeout"),
    "server_error": ("server_error", "server error"),
    "truncated": ("stream", "answer cut or wrong"),
    "malformed": ("stream", "answer cut or wrong"),
    "wrong_shape": ("stream", "answer cut or wrong"),
    "too_large": ("stream", "answer cut or wrong"),
    "refused": ("network", "refused or reset"),
    "reset": ("network", "refused or reset"),
    "not_sent": ("ours", "not sent or lost"),
    "lost_with_worker": ("ours", "not sent or lost"),
    "cancelled": ("ours", "not sent or lost"),
    "degraded": ("degraded", "degraded (a success)"),
}


@dataclass(frozen=True)
class Events:
    """What is drawn behind the curves; `clock(run_s)` names a moment."""

    phases: Sequence[PhaseWindow]
    faults: Sequence[FaultBand]
    clock: Callable[[float], str]


@dataclass(frozen=True)
class _Frame:
    """One panel: its time axis and its upper and lower edge."""

    axis: svg.Axis
    top: float
    bottom: float
    size: Size


def timeline_chart(data: Timeline, limit: Limit, events: Events, size: Size) -> str:
    """The panels, one above the other. A quantile that is `inf` (so many failed) rests on the upper edge as a cross."""
    axis = time_axis(float(data.edges_s[-1]), size)
    panels = [_load_panel, _latency_panel, _failure_panel]
    if data.in_flight is not None:
        panels.append(_in_flight_panel)
    head, foot, panel = 34 + (14 if events.faults else 0), 24, 116
    whole = _Frame(axis, head - 12, head + panel * len(panels), size)
    parts = phase_bands(events.phases, axis, whole.top, whole.bottom)
    parts += _fault_bands(events.faults, whole)
    for i, draw in enumerate(panels):
        parts += draw(data, limit, _Frame(axis, head + panel * i, head + panel * (i + 1) - 14, size))
    parts += [] if size.narrow else _hover(data, limit, whole, events.clock)
    parts += _time_labels(axis, whole.bottom + foot - 8, events.clock, 2 if size.narrow else 6)
    name = f"Timeline: load, latency and failures by {format_duration(data.width_s)} windows of due time"
    return svg.picture(size.width, round(whole.bottom) + foot, name, parts)


def _head(frame: _Frame, title: str, keys: Sequence[tuple[str, str]]) -> list[str]:
    """The panel's title, and its series as words behind their colour."""
    parts = [svg.text(frame.axis.start + 4, frame.top + 8, title, "text", size=12)]
    x = frame.axis.start + 6.6 * len(title) + 18
    for role, label in keys:
        if x + 6.4 * len(label) > frame.axis.end:
            break
        parts += [svg.box(x, frame.top, 8, 8, role), svg.text(x + 12, frame.top + 8, label, size=11)]
        x += 6.2 * len(label) + 26
    return parts


def _points(values: Floats, data: Timeline, axis: svg.Axis, y_axis: svg.Axis) -> list[tuple[float, float]]:
    """One point a bin, in its middle; NaN stays a gap."""
    middles = (data.edges_s[:-1] + data.edges_s[1:]) / 2
    return [
        (axis.at(float(x)), math.nan if math.isnan(v) else y_axis.at(float(v)))
        for x, v in zip(middles, values, strict=True)
    ]


def _load_panel(data: Timeline, limit: Limit, frame: _Frame) -> list[str]:  # noqa: ARG001 -- panels are called alike
    series = [data.sent_rate] + ([data.due_rate] if data.due_rate is not None else [])
    ticks = svg.round_ticks(max(float(s.max()) for s in series), 3)
    y_axis = svg.Axis(0, ticks[-1], frame.bottom, frame.top + 18)
    parts = grid(y_axis, ticks, [words.rate(t) for t in ticks], frame.size)
    keys = [("main", "sent")]
    if data.due_rate is not None:
        keys.insert(0, ("planned", "planned"))
        parts.append(svg.path(_points(data.due_rate, data, frame.axis, y_axis), "planned", width=4))
    parts.append(svg.path(_points(data.sent_rate, data, frame.axis, y_axis), "main", width=1.5))
    return parts + _head(frame, "arrivals a second", keys)


def _latency_panel(data: Timeline, limit: Limit, frame: _Frame) -> list[str]:
    axis = frame.axis
    y_axis = latency_axis([data.p50_s, data.tail_s], limit.limit_s or None, frame.top + 18, frame.bottom)
    ticks = latency_ticks(y_axis) if y_axis.log else svg.round_ticks(y_axis.high, 3)
    ticks = [t for t in ticks if t <= y_axis.high]
    parts = grid(y_axis, ticks, [tick_duration(t) for t in ticks], frame.size)
    for values, role in ((data.p50_s, "soft"), (data.tail_s, "main")):
        parts.append(svg.path(_points(values, data, axis, y_axis), role, width=1.8))
    gone = _points(np.where(np.isinf(data.tail_s), data.tail_s, np.nan), data, axis, y_axis)
    parts += [svg.text(x, y + 4, "\u00d7", "bad", anchor="middle", size=13) for x, y in gone if not math.isnan(y)]
    keys = [("soft", "p50"), ("main", limit.name)]
    if limit.limit_s:
        y = y_axis.at(limit.limit_s)
        parts.append(svg.rule(axis.start, y, axis.end, y, "limit", width=1.5))
        keys.append(("limit", f"SLO {words.limit(limit.limit_s, 's')}"))
    return parts + _head(frame, "response time, log scale" if y_axis.log else "response time", keys)


def _failure_panel(data: Timeline, limit: Limit, frame: _Frame) -> list[str]:  # noqa: ARG001 -- panels are called alike
    groups: dict[tuple[str, str], Floats] = {}
    for outcome, counts in data.outcomes.items():
        key = _ROLES.get(outcome, ("other", "other"))
        groups[key] = groups.get(key, np.zeros(data.count.size)) + counts / np.maximum(data.count, 1)
    total = sum(groups.values(), np.zeros(data.count.size))
    ticks = svg.round_ticks(max(float(total.max()), 0.01), 2)
    y_axis = svg.Axis(0, ticks[-1], frame.bottom, frame.top + 18)
    parts = grid(y_axis, ticks, [words.limit(t, "share") for t in ticks], frame.size)
    base = np.zeros(data.count.size)
    for (role, _), shares in groups.items():
        for i in np.flatnonzero(shares):
            x1, x2 = (frame.axis.at(float(data.edges_s[j])) for j in (i, i + 1))
            y1, y2 = (y_axis.at(float(v)) for v in (base[i], base[i] + shares[i]))
            parts.append(svg.box(x1 + 0.5, y2, max(1.0, x2 - x1 - 1), y1 - y2, role))
        base = base + shares
    return parts + _head(frame, "share not ok" if groups else "share not ok: none", list(groups))


def _in_flight_panel(data: Timeline, limit: Limit, frame: _Frame) -> list[str]:  # noqa: ARG001 -- panels are called alike
    assert data.in_flight is not None, "only drawn with telemetry"
    ticks = svg.round_ticks(max(float(data.in_flight.max()), 1.0), 2)
    y_axis = svg.Axis(0, ticks[-1], frame.bottom, frame.top + 18)
    points = _points(data.in_flight, data, frame.axis, y_axis)
    parts = grid(y_axis, ticks, [words.rate(t) for t in ticks], frame.size)
    parts.append(svg.area(points, [(x, frame.bottom) for x, _ in points], "soft", alpha=0.35))
    parts.append(svg.path(points, "main", width=1.5))
    return parts + _head(frame, "requests in flight", [])


def _fault_bands(faults: Sequence[FaultBand], frame: _Frame) -> list[str]:
    parts = []
    labels: list[tuple[float, str, list[str]]] = []
    for fault in sorted(faults[:40], key=lambda f: f.start_s):
        x1, x2 = frame.axis.at(fault.start_s), frame.axis.at(fault.end_s)
        named = f"{fault.fault} on {fault.on}"
        title = line(named + ("" if fault.confirmed else ", NOT confirmed"), 90)
        parts.append(
            svg.box(x1, frame.top, max(2.0, x2 - x1), frame.bottom - frame.top, "fault", alpha=0.5, title=title)
        )
        at_end = x1 > (frame.axis.start + frame.axis.end) / 2
        x, anchor = (x2, "end") if at_end else (x1, "start")
        # A name that would lie on the one before stands behind it.
        if labels and labels[-1][1] == anchor and x < labels[-1][0] + 6.2 * len(", ".join(labels[-1][2])) + 8:
            labels[-1][2].append(line(named, 44))
        else:
            labels.append((x, anchor, [line(named, 44)]))
    for x, anchor, names in labels:
        parts.append(svg.text(x, frame.top - 19, line(", ".join(names), 90), "open", anchor=anchor, size=11))
    return parts


def _hover(data: Timeline, limit: Limit, frame: _Frame, clock: Callable[[float], str]) -> list[str]:
    """An unseen column a bin that tells its numbers when pointed at: no script needed."""
    parts = []
    for i in range(data.count.size):
        start, end = float(data.edges_s[i]), float(data.edges_s[i + 1])
        failed = sum(int(c[i]) for o, c in data.outcomes.items() if o != "degraded")
        told = (
            f"{clock(start)} +{format_duration(data.width_s)}: {words.count(float(data.count[i]))} due,"
            f" {words.rate(float(data.sent_rate[i]))}/s sent, {limit.name} {format_duration(float(data.tail_s[i]))},"
            f" {failed} failed"
        )
        x1, x2 = frame.axis.at(start), frame.axis.at(end)
        parts.append(svg.box(x1, frame.top, x2 - x1, frame.bottom - frame.top, "band", alpha=0, title=told))
    return parts


def _time_labels(axis: svg.Axis, y: float, clock: Callable[[float], str], about: int) -> list[str]:
    parts = []
    for i in range(about + 1):
        at = axis.high * i / about
        anchor = "start" if i == 0 else "end" if i == about else "middle"
        parts.append(svg.text(axis.at(at), y, clock(at), anchor=anchor, size=11))
    return parts
