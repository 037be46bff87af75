"""The analysis room: rows in, a verdict out. Pure; see docs/architecture.md."""

from harness.analysis.evidence import Calls, Deployment, Evidence, PhaseWindow, Planned, Prices
from harness.analysis.judge import judge
from harness.analysis.rows_csv import rows_from_csv
from harness.analysis.rules import Confidence, Rules
from harness.analysis.slo import Slo, SloError, parse_slo
from harness.analysis.verdict import (
    Bottleneck,
    Capacity,
    Caveat,
    Check,
    FailureMode,
    State,
    Trust,
    Verdict,
    Word,
)
from harness.analysis.verdict_json import verdict_from_json, verdict_to_json

__all__ = [
    "Bottleneck",
    "Calls",
    "Capacity",
    "Caveat",
    "Check",
    "Confidence",
    "Deployment",
    "Evidence",
    "FailureMode",
    "PhaseWindow",
    "Planned",
    "Prices",
    "Rules",
    "Slo",
    "SloError",
    "State",
    "Trust",
    "Verdict",
    "Word",
    "judge",
    "parse_slo",
    "rows_from_csv",
    "verdict_from_json",
    "verdict_to_json",
]
