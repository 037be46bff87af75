"""Relief: what would lift a suspected limit of a mock, doubled through its admin API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from harness.analysis import Bottleneck
from harness.errors import Problem, RefusedError
from harness.run.mocks import MockFleet

QUOTAS = ("rpm", "tpm", "itpm", "otpm", "rps", "concurrency")
"""What answers 429 when it is used up."""
PLACES = ("servers", "queue")
"""How much is worked on, and may wait, at once."""


def doubled(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that limit a mock, each twice what it is; empty where none does. Doubling all of one service's
    limits answers the question that matters: is it this dependency?"""
    changes = {name: settings[name] * 2 for name in (*QUOTAS, *PLACES) if settings.get(name)}
    inference = settings.get("inference")
    if isinstance(inference, Mapping) and inference.get("replicas"):
        changes["inference"] = {**inference, "replicas": inference["replicas"] * 2}
    return changes


def said(changes: Mapping[str, Any]) -> str:
    """`rps 120, servers 128`, for people."""
    flat = {**changes, **({"replicas": changes["inference"]["replicas"]} if "inference" in changes else {})}
    return ", ".join(f"{name} {value:,g}" for name, value in flat.items() if name != "inference")


def relieve(fleet: MockFleet, name: str) -> str:
    """Double the limits of the mock `name`, and say to what. Raises RefusedError where it has none, or will not."""
    try:
        answer = fleet.admin.get(f"/services/{name}")
        answer.raise_for_status()
        changes = doubled(answer.json()["settings"])
        if not changes:
            raise RefusedError(Problem(f"{name} has no limit that could be doubled"))
        fleet.admin.patch(f"/services/{name}", json=changes).raise_for_status()
    except httpx.HTTPError as error:
        raise RefusedError(Problem(f"the mock {name} cannot be relieved: {error}")) from None
    return said(changes)


def relievable(suspects: tuple[Bottleneck, ...], upstreams: Mapping[str, Any]) -> tuple[Bottleneck, ...]:
    """The suspects that a relief run can be tried on: mocks of the plan that have settings (copilot is a program)."""
    return tuple(s for s in suspects if s.name in upstreams and upstreams[s.name].mock != "copilot")
