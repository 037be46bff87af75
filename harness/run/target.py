"""Is the target there at all? Asked once, before the load, so that a dead target costs no run."""

from __future__ import annotations

from harness.errors import Problem, RefusedError
from harness.guard import Level, examine_reach, reach
from harness.guard.targets import check_target


def check_reachable(url: str, allow_hosts: tuple[str, ...], owned: bool) -> None:
    """Raises RefusedError where the target may not be loaded, or does not take a connection."""
    check_target(url, allow_hosts, owned)
    finding = examine_reach(reach(url))
    if finding.level is Level.STOP:
        raise RefusedError(Problem(f"{finding.subject}: {finding.what}", finding.advice))
