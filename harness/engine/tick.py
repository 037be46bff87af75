"""What a worker says to its master each second: counts, never rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.results import Outcome


@dataclass(frozen=True)
class Tick:
    """All counts are cumulative and of arrivals."""

    planned: int
    fired: int
    finished: int
    not_sent: int
    in_flight: int
    outcomes: tuple[int, ...]
    """By outcome number."""
    connects: int = 0
    client_failures: int = 0
    send_lag_s_p99: float = 0.0
    """Of the last second."""
    cpu_share: float = 0.0
    done: bool = False
    """Every arrival has its outcome and every row is on disk."""
    broken: str = ""
    """Why this worker can no longer record (a full disk)."""
    troubles: tuple[str, ...] = ()
    """What its journeys raised."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tick:
        """Raises ValueError when the fields are not what a worker sends."""
        try:
            fields = {name: data[name] for name in cls.__dataclass_fields__}
        except KeyError as error:
            raise ValueError(f"no {error}") from None
        for name in ("planned", "fired", "finished", "not_sent", "in_flight", "connects", "client_failures"):
            if not isinstance(fields[name], int) or fields[name] < 0:
                raise ValueError(f"{name} is {fields[name]!r:.40}")
        outcomes = fields["outcomes"]
        if not isinstance(outcomes, list | tuple) or len(outcomes) != len(Outcome):
            raise ValueError("outcomes are not a list of all of them")
        if not all(isinstance(n, int) and n >= 0 for n in outcomes):
            raise ValueError("an outcome's count is not a count")
        for name in ("send_lag_s_p99", "cpu_share"):
            if not isinstance(fields[name], int | float):
                raise ValueError(f"{name} is {fields[name]!r:.40}")  # noqa: TRY004 -- the caller waits for one kind
        fields["outcomes"] = tuple(outcomes)
        fields["done"], fields["broken"] = bool(fields["done"]), str(fields["broken"])
        fields["troubles"] = tuple(str(t)[:200] for t in list(fields["troubles"])[:20])
        return cls(**fields)

    def disagreement(self, before: Tick | None) -> str:
        """A sentence when these counts cannot be true, by themselves or after the ones before; empty when they can."""
        if sum(self.outcomes) != self.finished:
            return f"its outcomes sum to {sum(self.outcomes)}, it says {self.finished} finished"
        if self.outcomes[Outcome.NOT_SENT] < self.not_sent or self.finished > self.planned:
            return f"it says {self.finished} finished ({self.not_sent} not sent) of {self.planned} planned"
        if self.fired > self.planned:
            return f"it says {self.fired} fired of {self.planned} planned"
        if self.done and (self.finished != self.planned or self.in_flight):
            return f"it says it is done with {self.finished} of {self.planned} finished and {self.in_flight} in flight"
        if before is not None and (self.finished < before.finished or self.fired < before.fired):
            return f"its counts fell from {before.finished} finished to {self.finished}"
        return ""
