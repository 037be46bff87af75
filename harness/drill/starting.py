"""May a drill start now? Its window and its blackout days, by the clock of its own zone. Pure: the time is given."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harness.drill.model import Drill
from harness.errors import Problem, UsageError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def refusal_to_start(drill: Drill, now: datetime) -> str:
    """Why the drill may not start at `now` (with a zone); empty where it may. Raises UsageError for an unknown zone."""
    zone = _zone(drill.window.zone if drill.window else "UTC")
    local = now.astimezone(zone)
    for blackout in drill.blackout:
        if blackout.from_ <= local.date() <= blackout.to:
            why = f" ({blackout.why})" if blackout.why else ""
            return f"blackout from {blackout.from_} to {blackout.to}{why}"
    window = drill.window
    if window is None:
        return ""
    inside = _DAYS[local.weekday()] in window.days and window.from_ <= f"{local:%H:%M}" <= window.to
    if inside:
        return ""
    days = ", ".join(window.days)
    return f"outside its window: {days} {window.from_} to {window.to} {window.zone}, now {local:%a %H:%M}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(Problem(f"no time zone {name!r}", "use a name like Europe/Berlin")) from None
