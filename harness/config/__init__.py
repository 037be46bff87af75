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
from harness.config.overlay import merged, set_value
from harness.config.plan import Journey, Limits, Plan, Prices, Upstream, profile_path
from harness.config.problems import placed, problems_of
from harness.config.quantities import Duration, FilePath, Offset, Rate
from harness.config.schema import KINDS, json_schema
from harness.config.slo import SloFile, SloLine, VerdictRules
from harness.config.strict import Strict
from harness.config.tree import Node
from harness.config.variables import expand

__all__ = [
    "BUILTIN_PROFILES",
    "KINDS",
    "ArrivalsPlan",
    "Burst",
    "Duration",
    "FilePath",
    "Journey",
    "LaunchFile",
    "Limits",
    "Node",
    "Offset",
    "Plan",
    "Prices",
    "Prompts",
    "Rate",
    "Segment",
    "Sine",
    "Slice",
    "SloFile",
    "SloLine",
    "Spike",
    "Strict",
    "TokenSizes",
    "Upstream",
    "VerdictRules",
    "expand",
    "is_loopback",
    "json_schema",
    "load_launch_file",
    "load_plan",
    "load_slo_file",
    "merged",
    "placed",
    "plan_hash",
    "problems_of",
    "profile_names",
    "profile_path",
    "read_file",
    "secrets_of",
    "set_value",
]
