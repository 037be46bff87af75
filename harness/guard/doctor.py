"""The whole preflight: this machine, and what one plan needs of it and of its target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PeakproofError
from harness.guard import machine
from harness.guard.budget import in_flight_bound
from harness.guard.preflight import (
    Finding,
    Level,
    Needs,
    examine,
    examine_ports,
    examine_reach,
    examine_secrets,
)
from harness.guard.targets import Allowlist, check_target

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
        findings += _target(plan)
    return findings


def _target(plan: Plan) -> list[Finding]:
    """Whether the target may be loaded at all, and whether it takes a connection. Nothing refused is connected to."""
    subject = f"target {plan.target}"
    try:
        addresses = check_target(plan.target, plan.allow_hosts, owned=True)
    except PeakproofError as error:
        return [Finding(Level.STOP, subject, problem.what, problem.advice) for problem in error.problems]
    findings = [examine_reach(machine.reach(plan.target))]
    nobody = Allowlist((), owned=False)
    if not all(nobody.permits(plan.target_host, address) for address in addresses):
        what = "not this machine: the run must be told that it is yours"
        findings.append(Finding(Level.WARN, subject, what, "run ... --i-own-this-target"))
    return findings
