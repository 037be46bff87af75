"""From a drill file to the inputs of its run: the plan it names, with the drill's own constant load."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import config, store
from harness.drill import BASELINE, FAULT, RECOVERY, Drill, Timeline, load_drill, resolved_drill, timeline_of
from harness.errors import Problem, UsageError
from harness.run.inputs import Inputs, read_inputs, slos_of
from harness.run.planning import plan_load, rules_of

DRILL_FILE = "drill.yaml"
"""The drill as it was asked for, in the run folder."""
PHASES = (BASELINE, FAULT, RECOVERY)


@dataclass(frozen=True)
class DrillInputs:
    """A drill that was read and checked, with the run it asks for."""

    path: Path
    drill: Drill
    timeline: Timeline
    inputs: Inputs
    repeat: str
    """The command that runs it again."""
    resolved: Mapping[str, Any]
    """The drill as plain data, everything laid over it."""

    def copy_to(self, folder: store.RunFolder) -> None:
        """Keep the drill as it was asked for, so that it can be judged again from the folder alone: its plan is the
        copy beside it, and its rate is written down."""
        load = {**self.resolved.get("load", {}), "rate": f"{self.timeline.rate_per_s!r}/s"}
        kept = {**self.resolved, "plan": folder.plan.name, "load": load}
        store.write_text(folder.path / DRILL_FILE, json.dumps(kept, indent=2) + "\n")


def read_drill(
    path: Path,
    *,
    short: bool = False,
    weak: bool = False,
    sets: Sequence[str] = (),
    seed: int | None = None,
    owned: bool = False,
    environ: Mapping[str, str] | None = None,
) -> DrillInputs:
    """Read the drill at `path` and its plan. `weak` switches on the defects of `weakness:` in the plan's copilot;
    `sets` are assignments to the drill. Raises UsageError with every problem found."""
    environ = os.environ if environ is None else environ
    drill = load_drill(path, short=short, sets=sets, environ=environ)
    assignments = [f"{name}={_as_text(value)}" for name, value in drill.set.items()]
    if weak:
        assignments.append(_weakness(drill, path))
    inputs = read_inputs(drill.plan, sets=assignments, seed=seed, owned=owned, environ=environ)
    _check_upstreams(drill, inputs.plan, path)
    timeline = timeline_of(drill, float(inputs.load.shape.rates_per_s.max()))
    options = ["--short"] * short + ["--weak"] * weak + [f"--set {s}" for s in sets]
    return DrillInputs(
        path=path,
        drill=drill,
        timeline=timeline,
        inputs=_with_load(inputs, drill, timeline),
        repeat=" ".join([f"peakproof drill run {path}", *options, f"--seed {inputs.seed}"]),
        resolved=resolved_drill(path, short=short, sets=sets, environ=environ),
    )


def _with_load(inputs: Inputs, drill: Drill, timeline: Timeline) -> Inputs:
    """The plan under the drill's load; its header signals are recorded beside the plan's own."""
    arrivals = config.ArrivalsPlan.model_validate(
        {"segments": timeline.segments(), "seed": inputs.seed, "process": "poisson", "burst": "none"}
    )
    signals = [s.header_text for s in (drill.expect.degraded.signal if drill.expect.degraded else ())]
    plan = inputs.plan.model_copy(
        update={
            "arrivals": arrivals,
            "smoke": True,
            "degraded": tuple(dict.fromkeys([*filter(None, signals), *inputs.plan.degraded])),
        }
    )
    load = plan_load(plan, None, None, {}, inputs.seed)
    rules = plan.slo.verdict.model_copy(update={"judge_phases": PHASES})
    return replace(inputs, plan=plan, load=load, slos=slos_of(plan.slo), rules=rules_of(rules, load.shape, smoke=True))


def _weakness(drill: Drill, path: Path) -> str:
    if not drill.weakness:
        raise UsageError(Problem("names no weakness to switch on", "write `weakness: [no_fallback]`", str(path)))
    named = ", ".join(f"{name}: {_as_text(value)}" for name, value in drill.weakness.items())
    return f"upstreams.copilot.weakness={{{named}}}"


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_upstreams(drill: Drill, plan: config.Plan, path: Path) -> None:
    """A fault needs an injector: a mock of the plan, or one that runs already."""
    if drill.injector:
        return
    if unknown := [fault.on for fault in drill.faults if fault.on not in plan.upstreams]:
        advice = f"the plan starts {', '.join(plan.upstreams) or 'none'}; for mocks that run already, name `injector:`"
        raise UsageError(Problem(f"the plan has no upstream {unknown[0]!r} to break", advice, str(path)))
