"""Is this machine, and this target, fit for the run? Facts in, findings out; who gathers the facts is `machine`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from harness.descriptors import in_flight_within

SLOW_CLOCKS = ("acpi_pm", "hpet", "jiffies", "refined-jiffies")
DISK_BYTES_A_REQUEST = 200
"""A result row of 80 bytes, its copy and the report, generously."""


class Level(StrEnum):
    """What a finding asks for."""

    OK = "ok"
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True)
class Finding:
    """One look at the machine or the target: only `stop` makes the doctor say no."""

    level: Level
    subject: str
    what: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class MachineFacts:
    """What was read off the machine. None: could not be read."""

    cores: int
    load_1m: float | None
    descriptors_soft: int | None
    descriptors_hard: int | None
    ephemeral_ports: tuple[int, int] | None
    tcp_tw_reuse: bool | None
    clock_source: str | None
    clock_step_ns: int
    """Smallest step of the monotonic clock that was seen."""
    memory_available: int | None
    disk_free: int | None
    proxies: tuple[str, ...] = ()
    """Proxy variables that are set in the environment (they are ignored)."""


@dataclass(frozen=True)
class Reach:
    """What came of one connection to a target."""

    url: str
    addresses: tuple[str, ...] = ()
    connect_s: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Needs:
    """What a plan asks of the machine."""

    in_flight: int = 0
    processes: int = 1
    requests: int = 0
    secrets: tuple[str, ...] = field(default=())


def examine(machine: MachineFacts, needs: Needs) -> list[Finding]:
    """The machine against what a run needs of it. Pure."""
    return [
        _cores(machine, needs),
        _descriptors(machine, needs),
        _ports(machine, needs),
        _clock(machine),
        _memory(machine, needs),
        _disk(machine, needs),
        *_proxies(machine),
    ]


def examine_reach(reach: Reach) -> Finding:
    """Whether a target answers at all. Pure."""
    subject = f"target {reach.url}"
    if reach.error:
        return Finding(Level.STOP, subject, reach.error, "start it, or correct `target`")
    assert reach.connect_s is not None
    where = ", ".join(reach.addresses)
    return Finding(Level.OK, subject, f"connects in {reach.connect_s * 1e3:.1f} ms ({where})")


def examine_secrets(names: Sequence[str], given: Sequence[str]) -> list[Finding]:
    """The secrets that a plan names, against those that are set. Pure; values are never looked at."""
    return [
        Finding(Level.OK, f"secret {name}", "set")
        if name in given
        else Finding(Level.STOP, f"secret {name}", "not set in the environment", f"export {name}=...")
        for name in names
    ]


def examine_ports(ports: Sequence[tuple[str, int, bool]]) -> list[Finding]:
    """The fixed ports that mocks ask for: (upstream, port, free)."""
    return [
        Finding(Level.OK, f"port {port}", f"free for {name}")
        if free
        else Finding(Level.STOP, f"port {port}", f"in use, and {name} wants it", "stop what holds it, or say port: 0")
        for name, port, free in ports
    ]


def is_ready(findings: Sequence[Finding]) -> bool:
    """No finding says stop. Nothing examined is not ready."""
    return bool(findings) and all(finding.level is not Level.STOP for finding in findings)


def findings_to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    return {"ready": is_ready(findings), "findings": [finding.to_json() for finding in findings]}


def _cores(machine: MachineFacts, needs: Needs) -> Finding:
    what = f"{machine.cores} cores" + (f", load {machine.load_1m:.1f}" if machine.load_1m is not None else "")
    if needs.processes > machine.cores:
        advice = "each generator process fills a core: lower `processes`"
        return Finding(Level.WARN, "cores", f"{what}; {needs.processes} generator processes", advice)
    if machine.load_1m is not None and machine.load_1m > 0.7 * machine.cores:
        return Finding(Level.WARN, "cores", what, "something else is busy here: the send lag gate may spoil the run")
    return Finding(Level.OK, "cores", what)


def _descriptors(machine: MachineFacts, needs: Needs) -> Finding:
    soft, hard = machine.descriptors_soft, machine.descriptors_hard
    if soft is None:
        return Finding(Level.WARN, "descriptors", "the limit cannot be read")
    room = in_flight_within(soft)
    if needs.in_flight <= room:
        return Finding(Level.OK, "descriptors", f"{soft:,} allowed, enough for {room:,} requests in flight")
    what = f"{soft:,} allowed, enough for {room:,} of {needs.in_flight:,} requests in flight"
    if hard is not None and needs.in_flight <= in_flight_within(hard):
        return Finding(Level.WARN, "descriptors", what, f"ulimit -n {hard}")
    return Finding(Level.STOP, "descriptors", what, f"lower limits.in_flight to {room}")


def _ports(machine: MachineFacts, needs: Needs) -> Finding:
    if machine.ephemeral_ports is None:
        return Finding(Level.WARN, "ports", "the ephemeral range cannot be read")
    low, high = machine.ephemeral_ports
    count = high - low + 1
    if needs.in_flight > count:
        what = f"{count:,} ephemeral ports for {needs.in_flight:,} requests in flight to one address"
        return Finding(
            Level.STOP, "ports", what, f"lower limits.in_flight below {count:,}, or widen ip_local_port_range"
        )
    if count < 10_000:
        return Finding(Level.WARN, "ports", f"{count:,} ephemeral ports", "widen net.ipv4.ip_local_port_range")
    return Finding(Level.OK, "ports", f"{count:,} ephemeral ports")


def _clock(machine: MachineFacts) -> Finding:
    source = machine.clock_source or "unknown source"
    what = f"{source}, monotonic steps of {machine.clock_step_ns:,} ns"
    if machine.clock_step_ns > 1_000_000:
        return Finding(Level.STOP, "clock", what, "times under a millisecond cannot be measured here")
    if machine.clock_source in SLOW_CLOCKS or machine.clock_step_ns > 10_000:
        return Finding(Level.WARN, "clock", what, "a slow clock costs CPU at each reading: prefer tsc or kvm-clock")
    return Finding(Level.OK, "clock", what)


def _memory(machine: MachineFacts, needs: Needs) -> Finding:
    if machine.memory_available is None:
        return Finding(Level.WARN, "memory", "cannot be read")
    # A worker needs about 100 MB, and an open stream about 9 kB.
    wanted = needs.processes * 100 * 2**20 + needs.in_flight * 9 * 2**10
    what = f"{machine.memory_available / 2**20:,.0f} MiB free, about {wanted / 2**20:,.0f} wanted"
    return Finding(Level.OK if wanted <= machine.memory_available else Level.WARN, "memory", what)


def _disk(machine: MachineFacts, needs: Needs) -> Finding:
    if machine.disk_free is None:
        return Finding(Level.WARN, "disk", "the free space cannot be read")
    wanted = needs.requests * DISK_BYTES_A_REQUEST + 20 * 2**20
    what = f"{machine.disk_free / 2**20:,.0f} MiB free, about {wanted / 2**20:,.0f} wanted"
    if wanted > machine.disk_free:
        return Finding(Level.STOP, "disk", what, "a full disk ends the load: make room for the run folder")
    return Finding(Level.OK, "disk", what)


def _proxies(machine: MachineFacts) -> list[Finding]:
    what = "set in the environment, and not used: load goes straight to the target"
    return [Finding(Level.WARN, f"proxy {name}", what) for name in machine.proxies]
