"""Plan and SLO files: YAML in, checked and frozen models out, every error with its place."""

from harness.config.arrivals import ArrivalsPlan, Burst, Prompts, Segment, Sine, Slice, Spike, TokenSizes
from harness.config.crosschecks import is_loopback
from harness.config.identity import plan_hash
from harness.config.launch import LaunchFile
from harness.config.load import (
    BUILTIN_PROFILES,
    load_launch_file,
    load_plan,
    load_slo_file,
    profile_names,
    read_file,
    secrets_of,
)
from harness.config.plan import Journey, Limits, Plan, Prices, Upstream, profile_path
from harness.config.schema import KINDS, json_schema
from harness.config.slo import SloFile, SloLine, VerdictRules

__all__ = [
    "BUILTIN_PROFILES",
    "KINDS",
    "ArrivalsPlan",
    "Burst",
    "Journey",
    "LaunchFile",
    "Limits",
    "Plan",
    "Prices",
    "Prompts",
    "Segment",
    "Sine",
    "Slice",
    "SloFile",
    "SloLine",
    "Spike",
    "TokenSizes",
    "Upstream",
    "VerdictRules",
    "is_loopback",
    "json_schema",
    "load_launch_file",
    "load_plan",
    "load_slo_file",
    "plan_hash",
    "profile_names",
    "profile_path",
    "read_file",
    "secrets_of",
]
