"""What must not happen, and whether the machine is fit: budgets, redaction, preflight."""

from harness.guard.budget import Use, check_budget, exceeded, in_flight_bound, stop_reason
from harness.guard.doctor import diagnose
from harness.guard.machine import port_is_free, reach, read_machine
from harness.guard.preflight import (
    Finding,
    Level,
    MachineFacts,
    Needs,
    Reach,
    examine,
    examine_ports,
    examine_reach,
    examine_secrets,
    findings_to_json,
    is_ready,
)
from harness.guard.redaction import MASK, redact

__all__ = [
    "MASK",
    "Finding",
    "Level",
    "MachineFacts",
    "Needs",
    "Reach",
    "Use",
    "check_budget",
    "diagnose",
    "examine",
    "examine_ports",
    "examine_reach",
    "examine_secrets",
    "exceeded",
    "findings_to_json",
    "in_flight_bound",
    "is_ready",
    "port_is_free",
    "reach",
    "read_machine",
    "redact",
    "stop_reason",
]
