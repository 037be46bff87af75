"""What can be made wrong with copilot on purpose. A weakness is a real defect that real services ship.

Written `no_breaker,cut_stream=0.1` or `{"no_breaker": true, "cut_stream": 0.1}` in `COPILOT_WEAKNESS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

import orjson


class Weakness(StrEnum):
    """The switches, all off by default."""

    NO_BREAKER = "no_breaker"
    """A failing dependency is called again by every request."""
    NO_TIMEOUT = "no_timeout"
    """No upstream call has a timeout and the request has no budget."""
    RETRY_STORM = "retry_storm"
    """A failed model call is repeated at once, without backoff; the value is the number of attempts."""
    UNBOUNDED_QUEUE = "unbounded_queue"
    """Requests beyond the concurrency limit wait for as long as it takes; none is shed."""
    ERROR_IN_200 = "error_in_200"
    """When nothing is left to answer with, the failure is told inside an HTTP 200."""
    CUT_STREAM = "cut_stream"
    """A share of the streams ends early and cleanly, without an end marker; the value is the share."""
    NO_FALLBACK = "no_fallback"
    """There is no second model."""
    NEEDS_CONTEXT = "needs_context"
    """Passages and tool results are not optional: a question that misses one of them gets no answer."""
    SHARED_PLACES = "shared_places"
    """One tenant may take every place there is."""
    STALE_SESSION = "stale_session"
    """A tool session (MCP) that the server has lost is used for ever, and a cut stream is not fetched again."""
    UNMARKED = "unmarked"
    """No answer says who gave it, nor that it is degraded."""
    IGNORE_RETRY_AFTER = "ignore_retry_after"
    """A provider that asks for a pause gets none."""
    SYNC_BLOCK = "sync_block"
    """Every five seconds the event loop stands still; the value is for how long, in seconds."""
    MEMORY_LEAK = "memory_leak"
    """Every request leaves memory behind, up to 512 MiB in all; the value is how much, in KiB."""


_DEFAULT_DEGREE = {
    Weakness.RETRY_STORM: 5.0,
    Weakness.CUT_STREAM: 0.1,
    Weakness.SYNC_BLOCK: 0.4,
    Weakness.MEMORY_LEAK: 256.0,
}
_LARGEST_DEGREE = {
    Weakness.RETRY_STORM: 20.0,
    Weakness.CUT_STREAM: 1.0,
    Weakness.SYNC_BLOCK: 10.0,
    Weakness.MEMORY_LEAK: 4096.0,
}

Weaknesses = Mapping[Weakness, float]
"""Which switches are on, each with its degree (1.0 where it has none)."""


def parse_weaknesses(text: str) -> dict[Weakness, float]:
    """Either written form -> the switches. Raises ValueError naming every switch there is."""
    if text.lstrip().startswith("{"):
        return weaknesses_from(orjson.loads(text))
    wanted: dict[str, object] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, degree = item.partition("=")
        wanted[name.strip()] = degree.strip() or True
    return weaknesses_from(wanted)


def weaknesses_from(wanted: Mapping[str, object]) -> dict[Weakness, float]:
    """`{"no_breaker": true, "cut_stream": 0.1}` -> the switches; false leaves one off. Raises ValueError."""
    switches: dict[Weakness, float] = {}
    for name, value in wanted.items():
        try:
            weakness = Weakness(name)
        except ValueError:
            raise ValueError(f"no such weakness: {name!r}; there are {', '.join(Weakness)}") from None
        if value is False:
            continue
        switches[weakness] = _degree(weakness, value)
    return switches


def _degree(weakness: Weakness, value: object) -> float:
    default = _DEFAULT_DEGREE.get(weakness)
    if value is True or (default is None and value in {"true", "1"}):
        return default or 1.0
    if default is None:
        raise ValueError(f"{weakness} is on or off; it takes no value: {value!r}")
    try:
        degree = float(str(value))
    except ValueError:
        raise ValueError(f"{weakness} takes a number: {value!r}") from None
    if not 0 < degree <= _LARGEST_DEGREE[weakness] or math.isnan(degree):
        raise ValueError(f"{weakness} takes a number above 0 and at most {_LARGEST_DEGREE[weakness]:g}: {value!r}")
    return degree
