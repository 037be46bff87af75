"""`drill.json`: the drill as data. What is unknown or never came is null, and says so beside it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from harness.drill import Share
from harness.report.drill_model import DrillReport

FORMAT = 1


def drill_document(report: DrillReport) -> dict[str, Any]:
    """JSON-clean; times in seconds of the run's clock, durations in seconds."""
    verdict, run = report.verdict, report.run
    return {
        "format": FORMAT,
        "run_id": run.run_id,
        "started": run.started.isoformat() if run.started else None,
        "title": report.drill.title,
        "number": report.drill.number,
        "target": run.target,
        "result": verdict.word.value,
        "why": verdict.why,
        "exit_code": int(verdict.exit_code),
        "rollback": {
            "confirmed": verdict.rollback_confirmed,
            "against": report.against,
            "command": verdict.rollback_command,
        },
        "expectations": [{**asdict(e), "kept": e.kept.value} for e in verdict.expectations],
        "phases": [{"phase": n, "start_s": a, "end_s": b} for n, a, b in report.timeline.phases()],
        "faults": [asdict(band) for band in report.whole.faults],
        "journal": [{"at_s": _clean(at_s), "what": what} for at_s, what in report.journal],
        "ladder": [
            {"level": f.signal.level, "signal": str(f.signal), "after_s": _clean(f.after_s), "asked": f.asked}
            for f in (report.numbers.fired if report.numbers else ())
        ],
        "numbers": _numbers(report),
        "repeat": run.repeat,
    }


def _numbers(report: DrillReport) -> dict[str, Any] | None:
    n = report.numbers
    if n is None:
        return None
    return {
        "time_to_degraded_s": _clean(n.time_to_degraded_s),
        "time_to_recover_s": _clean(n.time_to_recover_s),
        "recover_from_s": _clean(n.recover_from_s),
        "observed_after_s": _clean(n.observed_after_s),
        "metastable": n.metastable,
        "success_in_hold": _share(n.hold),
        "success_under_fault": _share(n.under_fault),
        "silent_degraded": _share(n.silent),
        "false_degraded": _share(n.steady.degraded),
        "baseline_errors": _share(n.steady.errors),
        "amplification": _clean(n.amplification),
        "calls_per_request": _clean(n.calls_per_request),
        "overshoot": _clean(n.overshoot),
        "lost": n.lost,
        "budget_burned": _clean(n.budget_burned),
        "effects": dict(n.effects),
    }


def _share(share: Share) -> dict[str, Any]:
    return {"hits": share.hits, "n": share.n, "low": _clean(share.low), "high": _clean(share.high)}


def _clean(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
