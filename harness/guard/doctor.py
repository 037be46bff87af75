"""The whole preflight: this machine, and what one plan needs of it and of its target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.guard import machine
from harness.guard.budget import in_flight_bound
from harness.guard.preflight import (
    Finding,
    Needs,
    examine,
    examine_ports,
    examine_reach,
    examine_secrets,
)

if TYPE_CHECKING:
    from harness.config import Plan


def diagnose(plan: Plan | None, secrets: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> list[Finding]:
    """What was found, in order of subject. `folder` is where runs are written; `secrets` are the names the plan uses.

    Without a plan: the machine alone. With one, its target is connected to once, but nothing is sent.
    """
    facts = machine.read_machine(folder, environ)
    if plan is None:
        return examine(facts, Needs())
    needs = Needs(in_flight=in_flight_bound(plan.limits, facts.descriptors_soft), processes=plan.processes)
    findings = examine(facts, needs)
    findings += examine_secrets(secrets, [name for name in secrets if environ.get(name)])
    fixed = [(name, upstream.port) for name, upstream in plan.upstreams.items() if upstream.port]
    findings += examine_ports([(name, port, machine.port_is_free(port)) for name, port in fixed])
    if not plan.target_upstream:
        findings.append(examine_reach(machine.reach(plan.target)))
    return findings
