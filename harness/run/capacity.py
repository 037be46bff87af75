"""The capacity search, driven: each step a judged run in a folder of its own, the record written after each, so that a
search which was cut off goes on where it stood. What to run next is decided elsewhere (`harness.analysis.capacity`)."""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import config, store
from harness.analysis import Bottleneck, Verdict, Word
from harness.analysis.capacity import (
    Search,
    Stage,
    Step,
    Trial,
    bracket,
    estimate,
    next_step,
    record_from_json,
    record_to_json,
    should_abort,
    trial_of,
)
from harness.analysis.foresight import SHORTEST_STABLE_S
from harness.analysis.gates_credentials import KIND as CREDENTIALS
from harness.engine import Progress
from harness.errors import EvidenceError, PeakproofError, Problem, UsageError
from harness.guard import in_flight_bound
from harness.run.capacity_forewarning import forewarnings
from harness.run.comparing import read_verdict
from harness.run.conductor import Errand, Finished, Opened, Watch, descriptor_limit, run_plan
from harness.run.inputs import Inputs
from harness.run.manifest import manifest_of, read_manifest
from harness.run.mocks import MockFleet
from harness.run.planning import steady_load
from harness.run.relief import relievable, relieve

FORMAT = 1
SEED_STEP = 7919
"""Seeds of steps lie apart: no two steps share their arrivals."""
BOOT_S = 5.0
"""Mocks and workers coming up and going down again, each step: part of what the budget pays for."""
DROWNING = 4.0
"""In-flight of so many times rate x the longest limit: by Little's law the mean stay is that far beyond it."""
ABORT_SHARE = 0.05
RELIEF_RATE = 1.2
RELIEF_TRIES = 2

Say = Callable[[str], None]


@dataclass(frozen=True)
class Audience:
    """Who is told of a search: `say` of each step in a sentence, the others of each run as it goes."""

    say: Say
    watch: Watch
    opened: Opened | None = None


@dataclass(frozen=True)
class Effort:
    """How hard to search; None takes what fits the plan."""

    start_per_s: float | None = None
    end_per_s: float | None = None
    step_s: float | None = None
    soak_s: float | None = None
    budget_s: float | None = None
    short: bool = False
    """The smoke form: about two minutes, no soak."""
    relief: bool = True


@dataclass(frozen=True)
class Relieved:
    """A step with one mock's limits doubled."""

    name: str
    to: str
    trial: Trial
    folder: str


@dataclass
class Searching:
    """A search under way: all of it is in `capacity.json` after every step."""

    folder: store.RunFolder
    search: Search
    warm_s: float
    smoke: bool
    plan_hash: str
    plan: str
    """Absolute path of the plan."""
    relief: bool = True
    record: list[Trial] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    """(folder, why) of each step of the record."""
    relieved: list[Relieved] = field(default_factory=list)
    ended: str = ""
    """Why it ended; empty while it goes on."""

    @property
    def path(self) -> Path:
        return self.folder.path / "capacity.json"

    def write(self) -> None:
        relieved = [{**asdict(r), "trial": record_to_json([r.trial])[0]} for r in self.relieved]
        data = {
            "format": FORMAT,
            "plan": self.plan,
            "plan_hash": self.plan_hash,
            "warm_s": self.warm_s,
            "smoke": self.smoke,
            "relief": self.relief,
            "search": asdict(self.search),
            "record": record_to_json(self.record),
            "steps": self.steps,
            "relieved": relieved,
            "ended": self.ended,
        }
        store.write_text(self.path, json.dumps(data, indent=2, allow_nan=False) + "\n")


def read_search(folder: store.RunFolder) -> Searching:
    """The search that `folder` holds. Raises EvidenceError where it holds none, or a broken one."""
    path = folder.path / "capacity.json"
    data = folder.read_json(path)
    if data.get("format") != FORMAT:
        what = f"is of format {data.get('format')!r}; this version reads {FORMAT}"
        raise EvidenceError(Problem(what, "go on with the version that began it", str(path)))
    try:
        return Searching(
            folder=folder,
            search=Search(**data["search"]),
            warm_s=float(data["warm_s"]),
            smoke=data["smoke"] is True,
            plan_hash=str(data["plan_hash"]),
            plan=str(data["plan"]),
            relief=data["relief"] is True,
            record=list(record_from_json(data["record"])),
            steps=[(str(name), str(why)) for name, why in data["steps"]],
            relieved=[
                Relieved(str(r["name"]), str(r["to"]), record_from_json([r["trial"]])[0], str(r["folder"]))
                for r in data["relieved"]
            ],
            ended=str(data["ended"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise EvidenceError(Problem(f"is not a whole capacity search: {wrong}", file=str(path))) from None


def search_for(inputs: Inputs, effort: Effort) -> tuple[Search, float]:
    """What to search for `inputs`, and the warm-up before each step in seconds. Raises UsageError for a search that
    cannot be: rates that do not ascend, or steps that the plan's limits forbid."""
    top = inputs.load.peak_per_s or inputs.load.shape.peak_rate_per_s
    step_s = effort.step_s or (12.0 if effort.short else 120.0)
    warm_s = min(15.0, max(3.0, step_s / 6))
    soak_s = effort.soak_s if effort.soak_s is not None else 0.0 if effort.short else inputs.rules.needed_s
    budget_s = effort.budget_s or (110.0 if effort.short else 3600.0)
    affordable = inputs.plan.limits.requests / (max(step_s, soak_s) + warm_s)
    start = effort.start_per_s or top / 2
    end = effort.end_per_s or min(8 * top, affordable)
    own = bool(inputs.plan.target_upstream)
    drain_s = warm_s + BOOT_S + (0.0 if own else 10.0)
    try:
        search = Search(
            safe_rate=start,
            highest_rate=end,
            step_s=step_s,
            soak_s=soak_s,
            budget_s=budget_s,
            drain_s=drain_s,
            bracket_rates=0 if effort.short else 5,
            seed=inputs.seed,
        )
    except ValueError as wrong:
        raise UsageError(Problem(str(wrong), "see --from, --to and the plan's limits.requests")) from None
    if step_s <= SHORTEST_STABLE_S:
        what = f"a step of {step_s:g} s cannot show that no queue grows, so no rate would ever be proven"
        raise UsageError(Problem(what, f"--step {2 * SHORTEST_STABLE_S:.0f}s or longer"))
    if budget_s < step_s + drain_s:
        raise UsageError(Problem(f"a budget of {budget_s:.0f} s holds no step of {step_s + drain_s:.0f} s"))
    return search, warm_s


def begin(inputs: Inputs, root: Path, effort: Effort, started: datetime, token: str) -> Searching:
    """A new search in a new run folder."""
    search, warm_s = search_for(inputs, effort)
    folder = store.create(root, started, token)
    inputs.copy_to(folder)
    target = inputs.plan.target_upstream or inputs.plan.target
    facts = manifest_of(replace(inputs, repeat=inputs.command("capacity")), target, started)
    folder.write_manifest({**facts, "kind": "capacity"})
    digest = config.plan_hash(inputs.plan)
    smoke = effort.short or inputs.rules.smoke
    found = Searching(folder, search, warm_s, smoke, digest, str(inputs.path.resolve()), effort.relief)
    found.write()
    return found


def resume(inputs: Inputs, run: Path, effort: Effort = Effort()) -> Searching:
    """The search in `run`, to be gone on with; of `effort` the budget and whether to relieve count.

    Raises UsageError where the plan is another one by now, EvidenceError where the steps so far are of another format.
    """
    found = read_search(store.open_run(run))
    read_manifest(found.folder)  # steps of another format could not be judged together with those to come
    if config.plan_hash(inputs.plan) != found.plan_hash:
        what = "the plan is not the one that this search began with"
        raise UsageError(Problem(what, "start a new search, or put the plan back", str(found.folder.path)))
    if effort.budget_s is not None:
        found.search = replace(found.search, budget_s=effort.budget_s)
    found.relief = found.relief and effort.relief
    found.ended = ""
    return found


def go_on(searching: Searching, inputs: Inputs, audience: Audience) -> bool:
    """Run step after step until the search is done. Returns whether a person interrupted it."""
    for sentence in forewarnings(searching.search, inputs):
        audience.say(sentence)
    while True:
        step = next_step(searching.search, searching.record)
        if step.stage is Stage.DONE:
            searching.ended = step.why
            break
        audience.say(_announced(searching, step))
        finished, trial = _run_step(searching, inputs, step, audience)
        if finished.interrupted:
            return True
        searching.record.append(trial)
        searching.steps.append((finished.folder.run_id, step.why))
        searching.write()
        audience.say(_told(searching, trial))
        if CREDENTIALS in finished.verdict.reasons:
            searching.ended = finished.verdict.why
            break
        if not inputs.plan.target_upstream:
            time.sleep(min(10.0, step.drain_s))  # what one step left in queues must not judge the next
    if searching.relief and not searching.relieved and _relief_runs(searching, inputs, audience):
        return True
    searching.write()
    return False


def _run_step(
    searching: Searching,
    inputs: Inputs,
    step: Step,
    audience: Audience,
    prepare: Callable[[MockFleet], None] | None = None,
) -> tuple[Finished, Trial]:
    name = f"{step.index:02d}-{'relief' if prepare else step.stage.value}"
    folder = store.create_named(searching.folder.path / "steps", name)
    stops: list[str] = []
    errand = Errand(folder, prepare, _abort_rule(inputs, step.rate, stops))
    asked = _inputs_of(searching, inputs, step, len(searching.relieved) + 1 if prepare else 0)
    started, token = datetime.now(UTC), secrets.token_hex(8)
    finished = run_plan(
        asked,
        searching.folder.path,
        started=started,
        token=token,
        watch=audience.watch,
        opened=audience.opened,
        errand=errand,
    )
    return finished, trial_from(step, finished.verdict, aborted=bool(stops))


def trial_from(step: Step, verdict: Verdict, *, aborted: bool) -> Trial:
    """What a step says to the search, more strictly than a smoke run: a PASS without stability shown may be a queue
    that had no time to grow, and proves nothing; a step that was stopped before it was disproven is undecided."""
    trial = trial_of(step, verdict, aborted)
    stable = any(c.kind == "stability" and c.status == "held" for c in verdict.caveats)
    if trial.passed and not stable:
        return replace(trial, word=Word.INCONCLUSIVE)
    if aborted and not trial.failed and CREDENTIALS not in verdict.reasons:
        return replace(trial, word=Word.INCONCLUSIVE)
    return trial


def _inputs_of(searching: Searching, inputs: Inputs, step: Step, relief: int) -> Inputs:
    phase = inputs.rules.judge_phases[0]
    seed = inputs.seed + SEED_STEP * (step.index + 1) + relief
    load = steady_load(inputs.plan, inputs.load, step.rate, searching.warm_s, step.duration_s, phase, seed)
    # The steps are short by nature; the soak alone can be release-grade.
    smoke = searching.smoke or step.stage is not Stage.SOAK
    rules = replace(inputs.rules, judge_phases=(phase,), smoke=smoke, extend=False)
    return replace(inputs, load=load, rules=rules, seed=seed, repeat=inputs.command("capacity"))


def _abort_rule(inputs: Inputs, rate: float, stops: list[str]) -> Callable[[Progress], str]:
    """When a step must end: half of its answers are bad, or it drowns. What it said is added to `stops`."""
    plan = inputs.plan
    limits = [slo.limit for slo in inputs.slos if slo.unit == "s"]
    patience_s = min(plan.deadline_s, max(limits, default=plan.deadline_s))
    bound = in_flight_bound(plan.limits, descriptor_limit())
    bound = min(bound, max(100, math.ceil(DROWNING * rate * patience_s)))

    def rule(progress: Progress) -> str:
        good = progress.outcomes.get("ok", 0) + progress.outcomes.get("degraded", 0)
        bad = progress.finished - good
        why = should_abort(progress.finished, bad, ABORT_SHARE, progress.in_flight, bound)
        if why and progress.state == "running":
            stops.append(why)
            return why
        return ""

    return rule


def _relief_runs(searching: Searching, inputs: Inputs, audience: Audience) -> bool:
    """For the first suspects of the lowest rate that failed and has any: its limits doubled, at a rate beyond 1.15 x
    the capacity. Returns whether a person interrupted it."""
    found, before = suspecting(searching), capacity_estimate(searching.record)
    if found is None or before is None or not inputs.plan.upstreams:
        return False
    worst, suspects = found
    rate = max(searching.record[worst].rate, RELIEF_RATE * before)
    for suspect in relievable(suspects, inputs.plan.upstreams)[:RELIEF_TRIES]:
        index = len(searching.record) + len(searching.relieved)
        step = Step(Stage.PROBE, rate, searching.search.step_s, searching.search.drain_s, index, "relief")
        told: list[str] = []

        def prepare(fleet: MockFleet, name: str = suspect.name, told: list[str] = told) -> None:
            told.append(relieve(fleet, name))

        audience.say(f"relief: {suspect.name} with its limits doubled, at {rate:.1f}/s for {step.duration_s:.0f} s")
        try:
            finished, trial = _run_step(searching, inputs, step, audience, prepare)
        except PeakproofError as error:
            audience.say(f"  no relief run: {error}")
            continue
        if finished.interrupted:
            return True
        searching.relieved.append(Relieved(suspect.name, told[0], trial, finished.folder.run_id))
        searching.write()
        audience.say(f"  {trial.word.value} with {told[0]}")
        if trial.passed:
            break
    return False


def suspecting(searching: Searching) -> tuple[int, tuple[Bottleneck, ...]] | None:
    """(number of the step, its suspects): the lowest rate that failed and tells why; None where no step does."""
    failed = [k for k, trial in enumerate(searching.record) if trial.failed]
    for k in sorted(failed, key=lambda k: searching.record[k].offered_rate):
        verdict = read_verdict(store.RunFolder(searching.folder.path / "steps", searching.steps[k][0]))
        if verdict.bottleneck:
            return k, verdict.bottleneck
    return None


def capacity_estimate(record: Sequence[Trial]) -> float | None:
    """The estimate, else the middle of the bracket, else what is known of it."""
    proven, disproven = bracket(record)
    if proven is None:
        return None
    return estimate(record) or (math.sqrt(proven * disproven) if disproven else proven)


def _announced(searching: Searching, step: Step) -> str:
    search, record = searching.search, searching.record
    spent = sum(trial.duration_s + search.drain_s for trial in record)
    return (
        f"step {step.index + 1}  {step.stage.value:<8} {step.rate:.1f}/s for {step.duration_s:.0f} s: {step.why}"
        f"   ({spent / 60:.1f} of {search.budget_s / 60:.1f} min spent)"
    )


def _told(searching: Searching, trial: Trial) -> str:
    proven, disproven = bracket(searching.record)
    sides = [f"{side:.1f}/s" if side is not None else "?" for side in (proven, disproven)]
    stopped = ", stopped" if trial.aborted else ""
    beyond = (
        "" if math.isnan(trial.bad_share) else f", {trial.bad_share:.1%} beyond ({trial.allowed_share:.1%} allowed)"
    )
    return f"  {trial.word.value}{stopped}{beyond}   proven {sides[0]} .. disproven {sides[1]}"


def state_of(searching: Searching) -> dict[str, Any]:
    """What the command's JSON says of the search beside its verdict."""
    data: dict[str, Any] = json.loads(searching.path.read_text("utf-8"))
    return {name: data[name] for name in ("search", "record", "steps", "relieved", "ended")}
