"""Where a load stands: what the master says on its pipe at least once a second, one JSON object a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True)
class Progress:
    """Counts are of arrivals, over all workers, as last reported by each."""

    state: str
    """`starting`, `warming`, `running`, `draining`, `done` or `failed`."""
    elapsed_s: float = 0.0
    """Since the start of the load; negative while it is announced but not begun."""
    planned: int = 0
    fired: int = 0
    finished: int = 0
    not_sent: int = 0
    in_flight: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    """By label; only those that occurred."""
    send_lag_s_p99: float = 0.0
    """The worst worker's, over its last second."""
    cpu_share: float = 0.0
    """The busiest worker's, of one core."""
    workers_alive: int = 0
    workers: int = 0
    start_ns: int = 0
    """The start of the load by `time.monotonic_ns()`, which all processes of a host share; 0 until it is known."""
    detail: str = ""
    """Why it failed or is stopping early."""

    def to_line(self) -> bytes:
        return orjson.dumps(asdict(self)) + b"\n"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Progress:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})
