"""Drills: a fault under load, what must happen then, and by when. Model, timeline, detection and verdict are pure; the
lease client and its probes speak HTTP."""

from harness.drill.adapters import OutsideFault, Watchman
from harness.drill.bounds import AbortRule, Bound, parse_abort, parse_bound
from harness.drill.leases import Injector, Lease, confirm_gone, refuse_foreign, take_back
from harness.drill.model import Drill, Expect, FaultSpec
from harness.drill.numbers import Fired, Numbers, Share, numbers_of
from harness.drill.overdue import PastDrill, Standing, standing
from harness.drill.probes import Probe, Reading
from harness.drill.reading import load_drill, resolved_drill
from harness.drill.schedule import emit
from harness.drill.schema import drill_schema
from harness.drill.seen import NO_CALLS, Seen, UpstreamCalls, seen_of
from harness.drill.signals import Signal, parse_signal
from harness.drill.starting import refusal_to_start
from harness.drill.timeline import BASELINE, FAULT, RECOVERY, FaultSpan, OutsideSpan, Timeline, timeline_of
from harness.drill.verdict import Conduct, DrillVerdict, Expectation, Kept, Word, judge_drill
from harness.drill.watch import Watch

__all__ = [
    "BASELINE",
    "FAULT",
    "NO_CALLS",
    "RECOVERY",
    "AbortRule",
    "Bound",
    "Conduct",
    "Drill",
    "DrillVerdict",
    "Expect",
    "Expectation",
    "FaultSpan",
    "FaultSpec",
    "Fired",
    "Injector",
    "Kept",
    "Lease",
    "Numbers",
    "OutsideFault",
    "OutsideSpan",
    "PastDrill",
    "Probe",
    "Reading",
    "Seen",
    "Share",
    "Signal",
    "Standing",
    "Timeline",
    "UpstreamCalls",
    "Watch",
    "Watchman",
    "Word",
    "confirm_gone",
    "drill_schema",
    "emit",
    "judge_drill",
    "load_drill",
    "numbers_of",
    "parse_abort",
    "parse_bound",
    "parse_signal",
    "refusal_to_start",
    "refuse_foreign",
    "resolved_drill",
    "seen_of",
    "standing",
    "take_back",
    "timeline_of",
]
