"""The analysis room: rows in, a verdict out. Pure; see docs/architecture.md.

The capacity search is a door of its own: `from harness.analysis import capacity`.
"""

from harness.analysis.compare import Change, Difference, Identity, Tolerance, UnlikeRunsError, compare
from harness.analysis.evidence import Calls, Deployment, Evidence, PhaseWindow, Planned, Prices
from harness.analysis.foreign import read_foreign
from harness.analysis.gates_arrivals import lag_limit_s
from harness.analysis.judge import before_the_stop, judge
from harness.analysis.looks import Looks, plan_looks
from harness.analysis.openslo import slo_to_openslo, slos_from_openslo
from harness.analysis.pool import Pooled, pool
from harness.analysis.rows_csv import rows_from_csv
from harness.analysis.rules import Confidence, Rules
from harness.analysis.running import RunningSlo
from harness.analysis.slo import Slo, SloError, parse_slo
from harness.analysis.special import beta_quantile
from harness.analysis.verdict import (
    PEAK_TOLERANCE,
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
    "PEAK_TOLERANCE",
    "Bottleneck",
    "Calls",
    "Capacity",
    "Caveat",
    "Change",
    "Check",
    "Confidence",
    "Deployment",
    "Difference",
    "Evidence",
    "FailureMode",
    "Identity",
    "Looks",
    "PhaseWindow",
    "Planned",
    "Pooled",
    "Prices",
    "Rules",
    "RunningSlo",
    "Slo",
    "SloError",
    "State",
    "Tolerance",
    "Trust",
    "UnlikeRunsError",
    "Verdict",
    "Word",
    "before_the_stop",
    "beta_quantile",
    "compare",
    "judge",
    "lag_limit_s",
    "parse_slo",
    "plan_looks",
    "pool",
    "read_foreign",
    "rows_from_csv",
    "slo_to_openslo",
    "slos_from_openslo",
    "verdict_from_json",
    "verdict_to_json",
]
