"""Drills to render, on paper: held, missed, not run, invalid, not rolled back, and one full of hostile names."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from harness.analysis import Caveat
from harness.drill import Conduct, Drill, Numbers, judge_drill, numbers_of, timeline_of
from harness.report import DrillReport, FaultBand, Report
from tests.harness.drill.planted import DRILL, World, drill, seen
from tests.harness.report.conftest import HOSTILE

WORLD = World()
QUOTA = drill(faults=[{"on": "llm/primary", "fault": "quota", "tpm": "40%", "for": "60s"}], every="7d")
BROKEN = (Caveat("send_lag", "broken", "send lag p99 900 ms, limit 100 ms", "run it on a quieter machine"),)
CLEAR = "peakproof drill rollback --injector http://127.0.0.1:1"
CASES: dict[str, tuple[str, World, dict[str, Any]]] = {
    "held": ("pass", WORLD, {}),
    "missed": ("fail", World(delay_s=30.0), {}),
    "not_run": ("pass", WORLD, {"not_injected": "the baseline is not steady: errors 9 %"}),
    "invalid": ("fail", WORLD, {"broken": BROKEN}),
    "not_rolled_back": ("fail", WORLD, {"rollback_confirmed": False, "rollback_command": CLEAR}),
}


@cache
def measured(world: World) -> Numbers:
    return numbers_of(QUOTA, seen(world, 1))


def reported(reports: dict[str, Report], name: str) -> DrillReport:
    """The drill of that name, over the rows of a run."""
    if name == "hostile":
        return hostile(reports["hostile"])
    run, world, conduct = CASES[name]
    return told(reports[run], QUOTA, world, **conduct)


def told(whole: Report, of: Drill, world: World = WORLD, **conduct: Any) -> DrillReport:
    numbers = None if "not_injected" in conduct else measured(world)
    verdict = judge_drill(of, numbers, (), Conduct(**conduct))
    return DrillReport(
        drill=of,
        timeline=timeline_of(of, world.rate_per_s),
        numbers=numbers,
        verdict=verdict,
        run=whole.run,
        whole=replace(whole, faults=(FaultBand("llm/primary", "quota", 80.0, 130.0),)),
        journal=((80.0, "quota on llm/primary is in force"), (130.0, "quota on llm/primary is reverted")),
        against="" if verdict.rollback_confirmed else "llm/primary still answers 429",
        past=("HELD", "DID NOT HOLD", "HELD"),
        text="title: planted\nfaults:\n- on: llm/primary\n  fault: quota\n  tpm: 40%\n",
    )


def hostile(whole: Report) -> DrillReport:
    """Hostile text wherever a file, a target or an injector can put some."""
    said = "".join(text for text in HOSTILE if len(text) < 100)
    filed = said.encode("utf-8", "ignore").decode("utf-8")  # a file holds no lone surrogate
    of = Drill.model_validate(
        {**DRILL, "title": filed[:190], "why": filed, "faults": [{"on": filed, "fault": "quota", filed: filed}]},
        context={"folder": Path()},
    )
    report = told(whole, of, rollback_confirmed=False, rollback_command=said)
    return replace(report, against=said, text=said * 3, past=(said,), journal=((1.0, said), (2.0, said)))
