"""Whole drill reports to render: one that held, one that did not, one without a load, one whose fault may still be
there, and one full of hostile names. Every number is written down here: nothing is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.analysis import Caveat
from harness.drill import Conduct, Drill, Fired, Numbers, Share, judge_drill, timeline_of
from harness.drill.numbers import Steady
from harness.drill.signals import parse_signal
from harness.report import DrillReport, FaultBand, Report, Run
from tests.harness.report.conftest import HOSTILE

DRILL: dict[str, Any] = {
    "title": "The primary model answers 503 and the fallback carries the load",
    "number": 10,
    "why": "The commonest outage there is. Route to a second model on the first failure, and open a breaker.",
    "plan": "plans/copilot.yaml",
    "load": {"rate": "20/s", "warm": "5s", "tail": "5s"},
    "steady_state": {"for": "20s", "errors": "< 0.5%"},
    "faults": [{"on": "llm/primary", "fault": "error", "status": 503, "for": "60s"}],
    "expect": {
        "degraded": {
            "within": "5s",
            "signal": ["header x-served-by == fallback", "upstream share llm/fallback >= 50%"],
            "success": ">= 99%",
        },
        "amplification": "<= 1.5",
        "recovered": {"within": "20s"},
    },
}
SIGNALS = [parse_signal(text) for text in DRILL["expect"]["degraded"]["signal"]]
ABSENT = parse_signal("upstream absent llm/primary >= 50%")
RUN = Run(
    run_id="7f3k",
    target="http://127.0.0.1:8080",
    repeat="peakproof drill run drills/10-full-outage.yaml --seed 11",
    started=datetime(2026, 11, 24, 14, 0, 0, tzinfo=UTC),
    report_path="runs/7f3k/report.html",
    plan_text="target: copilot\n",
)
GOOD = Numbers(
    steady=Steady(Share(0, 402), Share(1, 402), 0.31, 0.9, ""),
    fired=(Fired(SIGNALS[0], 0.4, True), Fired(SIGNALS[1], 1.4, True), Fired(ABSENT, 2.4, False)),
    time_to_degraded_s=0.4,
    hold=Share(1189, 1190),
    under_fault=Share(1195, 1201),
    silent=Share(0, 1180),
    amplification=1.08,
    calls_per_request=3.21,
    overshoot=1.31,
    time_to_recover_s=6.0,
    recover_from_s=2.0,
    observed_after_s=23.0,
    metastable=False,
    lost=6,
    budget_burned=0.92,
    effects=(("llm/primary", True),),
)
INF, NAN = math.inf, math.nan
NEVER = replace(
    GOOD,
    fired=tuple(Fired(f.signal, INF, f.asked) for f in GOOD.fired[:2]),
    time_to_degraded_s=INF,
    hold=Share(0, 1101),
    under_fault=Share(0, 1201),
    silent=Share(0, 0),
    amplification=NAN,
    time_to_recover_s=INF,
    recover_from_s=0.0,
    observed_after_s=320.0,
    metastable=True,
    lost=1201,
    budget_burned=184.0,
)
JOURNAL = ((25.0, "fault error on llm/primary: in force (lease f1)"), (85.0, "fault error on llm/primary: reverted"))


def report(whole: Report, numbers: Numbers | None = GOOD, *, past: tuple[str, ...] = (), **conduct: Any) -> DrillReport:
    """`whole` is the run under it; `conduct` how the drill itself went."""
    drill = Drill.model_validate(DRILL, context={"folder": "."})
    went = Conduct(**conduct)
    return DrillReport(
        drill=drill,
        timeline=timeline_of(drill, 1.0),
        numbers=numbers,
        verdict=judge_drill(drill, numbers, (), went),
        run=RUN,
        whole=replace(whole, faults=(FaultBand("llm/primary", "error", 25.0, 85.0),)),
        journal=() if went.not_injected else JOURNAL,
        against="" if went.rollback_confirmed else "llm/primary does not behave as before the fault: status 503",
        past=past,
    )


def hostile(whole: Report) -> DrillReport:
    """Names, measurements and a journal as an enemy would write them."""
    base, names = report(whole, rollback_confirmed=False, rollback_command=HOSTILE[1]), HOSTILE
    expectations = tuple(
        replace(base.verdict.expectations[i % 4], name=n, measured=n, limit=n, note=n) for i, n in enumerate(names)
    )
    signal = replace(SIGNALS[0], text=names[0] + names[1])
    return replace(
        base,
        drill=base.drill.model_copy(update={"title": names[0] + names[1], "why": names[7]}),
        numbers=replace(GOOD, fired=(Fired(signal, 1.0, True),), effects=((names[0], True),)),
        verdict=replace(base.verdict, why=names[3] + names[1], expectations=expectations),
        run=replace(RUN, run_id=names[0], target=names[0], repeat=names[1] + names[0], plan_text="\n".join(names)),
        journal=tuple((float(i), n) for i, n in enumerate(names)),
        against=names[8] + names[1],
        whole=replace(whole, faults=tuple(FaultBand(n, n, 10, 20) for n in names)),
        past=names,
    )


CASES: dict[str, Callable[[Report], DrillReport]] = {
    "held": lambda whole: report(whole, past=("HELD", "DID NOT HOLD", "HELD")),
    "did-not-hold": lambda whole: report(whole, NEVER, past=("HELD",)),
    "not-run": lambda whole: report(replace(whole, rows=None), None, not_injected="errors 9.0% in the baseline"),
    "still-active": lambda whole: report(
        whole,
        rollback_confirmed=False,
        rollback_command="peakproof drill rollback --injector http://127.0.0.1:9000 --owner 'run 7f3k'",
    ),
    "invalid": lambda whole: report(whole, broken=(Caveat("send_lag", "broken", "send lag p99 2 s", "wait"),)),
}
NAMED = [*CASES]
