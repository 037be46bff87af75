"""Faults are leases: without renewal they end by themselves, so a dead runner leaves nothing broken."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from mock_services.service import Clock

TTL_LIMIT_S = 60.0
MAX_TOTAL_LIMIT_S = 6 * 3600.0
HISTORY = 100
LEASE_LIMIT = 1000

F = TypeVar("F")


class LeaseError(ValueError):
    """A lease that cannot be granted; the message says why."""


@dataclass(frozen=True)
class Lease(Generic[F]):
    """A fault in force on one service, until `expires_s` unless renewed, and never past `ends_s`."""

    id: str
    on: str
    fault: F
    owner: str
    ttl_s: float
    granted_s: float
    expires_s: float
    ends_s: float
    spec: dict[str, Any]
    reason: str = ""
    """Why it ended: `expired`, `deleted`, `max_total`; empty while it is in force."""
    reverted_s: float = math.inf

    def due_s(self) -> float:
        """When it ends unless something happens."""
        return min(self.expires_s, self.ends_s)


class LeaseBook(Generic[F]):
    """Every lease of one mock process.

    `changed` is called with the lease after each grant and each revert; `now` must never go back.
    """

    def __init__(self, clock: Clock, changed: Callable[[Lease[F]], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._in_force: dict[str, Lease[F]] = {}
        self._next = 1
        self.reverted: deque[Lease[F]] = deque(maxlen=HISTORY)

    def grant(
        self,
        on: str,
        fault: F,
        spec: dict[str, Any],
        *,
        ttl_s: float,
        max_total_s: float | None = None,
        owner: str = "",
    ) -> Lease[F]:
        """Raises LeaseError on a TTL that is not positive or above a minute, and when there are too many leases."""
        self.expire()
        if not (0 < ttl_s <= TTL_LIMIT_S):
            raise LeaseError(f"ttl_s must be above 0 and at most {TTL_LIMIT_S:g} s; renew the lease to hold it longer")
        total_s = MAX_TOTAL_LIMIT_S if max_total_s is None else max_total_s
        if not (0 < total_s <= MAX_TOTAL_LIMIT_S):
            raise LeaseError(f"max_total_s must be above 0 and at most {MAX_TOTAL_LIMIT_S:g} s")
        if len(self._in_force) >= LEASE_LIMIT:
            raise LeaseError(f"{LEASE_LIMIT} faults are in force already")
        now = self._clock()
        name = f"f{self._next}"
        self._next += 1
        lease = Lease(name, on, fault, owner, ttl_s, now, now + ttl_s, now + total_s, spec)
        self._in_force[name] = lease
        self._changed(lease)
        return lease

    def renew(self, lease_id: str) -> Lease[F] | None:
        """Starts the TTL anew; None once the lease is gone. `max_total_s` is not moved."""
        self.expire()
        lease = self._in_force.get(lease_id)
        if lease is None:
            return None
        lease = replace(lease, expires_s=self._clock() + lease.ttl_s)
        self._in_force[lease_id] = lease
        return lease

    def delete(self, lease_id: str) -> Lease[F] | None:
        """Reverts it now; None where it was gone already."""
        self.expire()
        return self._revert(lease_id, "deleted") if lease_id in self._in_force else None

    def expire(self) -> None:
        """Reverts what has run out."""
        now = self._clock()
        for lease in list(self._in_force.values()):
            if lease.due_s() <= now:
                self._revert(lease.id, "max_total" if lease.ends_s <= lease.expires_s else "expired")

    def clear(self) -> None:
        """Reverts everything: the process is ending."""
        for name in list(self._in_force):
            self._revert(name, "deleted")

    def in_force(self) -> list[Lease[F]]:
        """Oldest first."""
        self.expire()
        return list(self._in_force.values())

    def next_due_s(self) -> float:
        """When the next lease would run out; infinity where there is none."""
        return min((lease.due_s() for lease in self._in_force.values()), default=math.inf)

    def _revert(self, lease_id: str, reason: str) -> Lease[F]:
        lease = replace(self._in_force.pop(lease_id), reason=reason, reverted_s=self._clock())
        self.reverted.append(lease)
        self._changed(lease)
        return lease
