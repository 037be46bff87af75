"""From a history, a launch file or both to peak.json: the edge around the pure forecast."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from harness import config, forecast, store
from harness.errors import Problem, UsageError
from harness.run.inputs import read_text
from harness.run.prometheus import Query, is_address, query_range


@dataclass(frozen=True)
class Asked:
    """What `peakproof forecast` was asked for."""

    history: str = ""
    """A file, or the address of a Prometheus; empty where only a launch is planned."""
    launch: Path | None = None
    format_name: str = "auto"
    timezone: str = "UTC"
    quantile: float = 0.95
    growth: forecast.Spread = field(default_factory=lambda: forecast.Spread(1.0, 1.0, 1.0))
    horizon_days: int = 7
    query: Query | None = None
    """Of a Prometheus."""
    uplifts: tuple[forecast.Uplift, ...] = ()
    """Known events ahead."""
    observed: bool = False
    """The traffic as it was, to be replayed: no forecast."""
    journeys: tuple[str, ...] = ()
    """`chat=/v1/chat/*`: which paths of a log are of which journey."""


@dataclass(frozen=True)
class Foreseen:
    """The peak, and the forecast from traffic behind it; None where it comes from a launch file alone."""

    peak: forecast.Peak
    forecast: forecast.Forecast | None


def foresee(asked: Asked, now: datetime) -> Foreseen:
    """The peak that `asked` leads to. A Prometheus is asked for the days before `now`.

    Raises UsageError with the place of what cannot be read, RefusedError where a Prometheus does not answer.
    """
    plan = None if asked.launch is None else config.load_launch_file(asked.launch, os.environ)
    if not asked.history:
        if plan is None:
            raise UsageError(Problem("nothing to forecast from", "name a history, --launch FILE, or both"))
        return Foreseen(_launched(plan, asked.quantile), None)
    history = forecast.read_history(
        _text_of(asked, now),
        asked.history,
        "prometheus" if asked.query else asked.format_name,
        asked.timezone,
        forecast.parse_patterns(asked.journeys),
    )
    doubts = () if asked.query is None else asked.query.doubts
    history = replace(history, notes=(*history.notes, *doubts))
    found = forecast.forecast_peak(
        history, asked.quantile, asked.growth, asked.horizon_days, uplifts=asked.uplifts, observed=asked.observed
    )
    if plan is None:
        return Foreseen(found.peak, found)
    return Foreseen(forecast.on_top(found.peak, _launched(plan, asked.quantile), asked.quantile), found)


def write_peak(peak: forecast.Peak, path: Path) -> None:
    """What a plan's `arrivals.from` reads."""
    store.write_text(path, forecast.peak_to_json(peak))


def spread_of(text: str) -> forecast.Spread:
    """`1.3`, or low/mid/high: `1.1/1.3/1.8`. Raises UsageError."""
    try:
        values = [float(part) for part in text.split("/")]
    except ValueError:
        values = []
    if len(values) not in (1, 3):
        raise UsageError(
            Problem(f"growth is {text!r}", "1.3 is 30 % more; three estimates are low/mid/high: 1.1/1.3/1.8")
        )
    return forecast.Spread(values[0], values[len(values) // 2], values[-1])


def uplift_of(text: str) -> forecast.Uplift:
    """`sale=1.6@2026-11-27T09:00/2026-11-27T18:00`. Raises UsageError."""
    name, _, rest = text.partition("=")
    factor, _, span = rest.partition("@")
    start, _, end = span.partition("/")
    try:
        times = float(factor)
    except ValueError:
        times = 0.0
    if not (name.strip() and times > 0 and start and end):
        what = "NAME=FACTOR@FROM/TO, like sale=1.6@2026-11-27T09:00/2026-11-27T18:00"
        raise UsageError(Problem(f"uplift is {text!r}", what))
    return forecast.Uplift(name.strip(), start.strip(), end.strip(), times)


def _text_of(asked: Asked, now: datetime) -> str:
    if asked.query is not None:
        return query_range(asked.history, asked.query, now, os.environ.get("PROMETHEUS_TOKEN", ""))
    if is_address(asked.history):
        raise UsageError(Problem("an address needs a query", "--query 'sum(rate(http_requests_total[5m]))'"))
    return read_text(Path(asked.history))


def _launched(plan: config.LaunchFile, quantile: float) -> forecast.Peak:
    adoption: forecast.Bass | forecast.Logistic | None = None
    if plan.adoption and plan.adoption.bass:
        adoption = forecast.Bass(plan.adoption.bass.innovation, plan.adoption.bass.imitation)
    elif plan.adoption and plan.adoption.logistic:
        adoption = forecast.Logistic(plan.adoption.logistic.midpoint_day, plan.adoption.logistic.width_days)
    names = ("seats", "reach", "sessions_per_day", "requests_per_session", "attempts", "busy_hour_share")
    estimates = {name: forecast.Spread(*getattr(plan, name)) for name in (*names, "minute_over_hour")}
    launch = forecast.Launch(adoption=adoption, **estimates)
    return forecast.launch_peak(launch, quantile, plan.day, forecast.PRESETS[plan.burst])
