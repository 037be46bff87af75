"""Faults are leases held by the injector: granted, renewed, taken back, and the taking back seen by behaviour.

The injector is the admin API of the mocks (docs/architecture.md, "The wire"). What dies with the runner is the
renewal: the fault then ends by itself when its TTL runs out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from harness.drill.model import FaultSpec
from harness.drill.probes import Probe, Reading
from harness.errors import Problem, RefusedError

TRIES = 3
PROBE_AGAIN_S = 0.5
PROBE_FOR_S = 8.0


@dataclass(frozen=True)
class Lease:
    """A fault in force, as the injector told it."""

    id: str
    on: str
    fault: str
    owner: str
    granted_s: float
    """By the injector's monotonic clock, which a host's processes share."""


@dataclass(frozen=True)
class Ended:
    """How a lease ended."""

    id: str
    reason: str
    reverted_s: float


class Injector:
    """The admin API. Every call raises `httpx.HTTPError` where it cannot be reached."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def leases(self) -> tuple[Lease, ...]:
        """Those in force."""
        return tuple(_lease(item) for item in self._get("/faults")["faults"])

    def ended(self) -> tuple[Ended, ...]:
        return tuple(
            Ended(str(item["id"]), str(item["reason"]), float(item["reverted_s"]))
            for item in self._get("/faults")["reverted"]
        )

    def services(self) -> dict[str, tuple[str, str]]:
        """name -> (mock, url)."""
        return {item["name"]: (item["mock"], item["url"]) for item in self._get("/services")["services"]}

    def grant(self, spec: FaultSpec, owner: str, ttl_s: float, max_total_s: float) -> Lease:
        """Raises RefusedError with the injector's own words where it does not take the fault."""
        return self._grant(spec, {}, owner, ttl_s, max_total_s)

    def _grant(self, spec: FaultSpec, over: Mapping[str, Any], owner: str, ttl_s: float, max_total_s: float) -> Lease:
        lease = {"on": spec.on, "fault": spec.fault, "owner": owner, "ttl_s": ttl_s, "max_total_s": max_total_s}
        answer = self._client.post("/faults", json={**spec.fields, **over, **lease})
        if answer.is_client_error:
            raise RefusedError(Problem(f"the fault {spec.fault} on {spec.on} is refused: {_message(answer)}"))
        answer.raise_for_status()
        return _lease(answer.json())

    def renew(self, lease: Lease) -> bool:
        """False once it is gone."""
        answer = self._client.put(f"/faults/{lease.id}/renew")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        answer.raise_for_status()
        return True

    def revert(self, lease_id: str) -> None:
        """Takes a fault back; one that is gone already is fine."""
        answer = self._client.delete(f"/faults/{lease_id}")
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()

    def try_out(self, specs: Sequence[FaultSpec], owner: str) -> None:
        """Let the injector check every fault, without one of them having an effect: each would begin in an hour, and
        is taken back at once. Raises RefusedError."""
        for spec in specs:
            self.revert(self._grant(spec, {"after_s": 3600}, owner, 1.0, 1.0).id)

    def _get(self, path: str) -> Any:
        answer = self._client.get(path)
        answer.raise_for_status()
        return answer.json()


def refuse_foreign(leases: Sequence[Lease], command: str) -> None:
    """No drill starts over a fault that is not its own (lies.md, row 51). Raises RefusedError."""
    if leases:
        held = ", ".join(f"{lease.fault} on {lease.on} (owner {lease.owner or 'unknown'})" for lease in leases)
        advice = f"wait until it has ended, or clear it with: {command}"
        raise RefusedError(Problem(f"a fault is in force already: {held}", advice))


def take_back(injector: Injector, leases: Sequence[Lease], pause: Callable[[float], None] = time.sleep) -> str:
    """Reverts each lease, a few times if need be. Returns what went wrong; empty where the injector said yes to all."""
    trouble = ""
    for lease in leases:
        for attempt in range(TRIES):
            try:
                injector.revert(lease.id)
                break
            except httpx.HTTPError as error:
                trouble = f"{lease.fault} on {lease.on} could not be taken back: {error or type(error).__name__}"
                if attempt < TRIES - 1:
                    pause(PROBE_AGAIN_S)
    return trouble


def confirm_gone(
    injector: Injector,
    owner: str,
    probes: Mapping[str, tuple[Probe, Reading]],
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Whether the faults are gone: no lease of ours is in force, and each upstream behaves as it did before them.

    `probes` holds each upstream's probe and its reading from before the faults. Returns what speaks against it; empty
    where all is well. A provider's own limits may need a moment: an upstream is asked again for a few seconds.
    """
    try:
        if left := [lease for lease in injector.leases() if lease.owner == owner]:
            return f"the injector still holds {left[0].fault} on {left[0].on}"
    except httpx.HTTPError as error:
        return f"the injector does not answer: {error or type(error).__name__}"
    for on, (probe, before) in probes.items():
        deadline = clock() + PROBE_FOR_S
        while not (now := probe.ask()).like(before):
            if clock() >= deadline:
                return f"{on} does not behave as before the fault: {now}, before {before}"
            pause(PROBE_AGAIN_S)
    return ""


def _lease(item: Mapping[str, Any]) -> Lease:
    return Lease(
        id=str(item["id"]),
        on=str(item["on"]),
        fault=str(item["fault"]),
        owner=str(item.get("owner", "")),
        granted_s=float(item.get("granted_s", math.nan)),
    )


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
