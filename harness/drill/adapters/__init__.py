"""Faults on what is not ours (Kubernetes, a feature flag, a service): actions and probes in Chaos Toolkit's words."""

from harness.drill.adapters.activity import Action, HttpProvider, OutsideFault, Probe, ProcessProvider, Tolerance
from harness.drill.adapters.carrying import carry_out, confirmed
from harness.drill.adapters.tolerance import Observed, is_within
from harness.drill.adapters.watchman import Watchman

__all__ = [
    "Action",
    "HttpProvider",
    "Observed",
    "OutsideFault",
    "Probe",
    "ProcessProvider",
    "Tolerance",
    "Watchman",
    "carry_out",
    "confirmed",
    "is_within",
]
