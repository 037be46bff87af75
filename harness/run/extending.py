"""A run that is undecided goes on: the load is planned for the longest look, and ended at the first look that decides.

Looks are planned before the run (`analysis.plan_looks`), and each pays for all of them (`Rules.looks`), so that looking
often buys nothing. The looks themselves only decide when to end; the verdict is given afterwards, with every gate, over
what was due before the look that ended the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness import config, forecast, store
from harness.analysis import Evidence, Looks, Rules, Verdict, judge, plan_looks
from harness.engine import Progress
from harness.guard import Use, exceeded
from harness.results import ARRIVAL, Catalog, ResultArray, Rows, SpoolTails
from harness.run import manifest as stored
from harness.run.judging import load_arrivals, planned_of
from harness.run.planning import Load, with_shape

SETTLE_S = 1.0
"""From a look's moment to the first try at it: most answers are in by then."""
AGAIN_S = 2.0
PATIENCE_S = 30.0
"""Beyond the deadline: an arrival without an outcome by then will not get one."""

Abort = Callable[[Progress], str]


@dataclass(frozen=True)
class Extension:
    """Looks at a run whose last phase, the judged one, can be made longer."""

    looks: Looks
    start_s: float
    """Of the judged phase, on the run's clock."""


def extended(plan: config.Plan, load: Load, rules: Rules, seed: int) -> tuple[Load, Rules, Extension | None]:
    """The load planned for the longest look that `extend_up_to` and the plan's limits allow, and the rules of each
    look. The third is None where the run is not to be extended, or cannot be; the load's notes then say why."""
    if not rules.extend:
        return load, rules, None
    last = load.shape.phases[-1]
    first_s = last.end_s - last.start_s
    looks = plan_looks(rules, first_s)
    while len(looks.at_s) > 1 and exceeded(_use(load, last, looks.at_s[-1]), plan.limits, plan.prices):
        looks = Looks(looks.at_s[:-1])
    why = ""
    if [phase for phase in load.shape.phases if phase.name in rules.judge_phases] != [last]:
        why = "the judged phase is not one and the last"
    elif load.shape.process_of(last) == "replay":
        why = "what was recorded ends"
    elif plan.remote.workers:
        why = "rows of workers on other machines come home after the run"
    elif len(looks.at_s) < 2:
        why = "neither extend_up_to nor the plan's limits leave room for a second look"
    if why:
        return _noted(load, f"extend_up_to does not hold for this run: {why}"), rules, None
    longer = with_shape(plan, load, forecast.lengthened(load.shape, looks.at_s[-1]), seed)
    return longer, looks.rules(rules), Extension(looks, last.start_s)


def _noted(load: Load, note: str) -> Load:
    return replace(load, shape=replace(load.shape, notes=(*load.shape.notes, note)))


def _use(load: Load, last: forecast.Phase, judged_s: float) -> Use:
    """What the longer load may take, with room for chance: five deviations of a Poisson count."""
    array = load.arrivals.array
    judged = array[array["due_ns"] >= round(last.start_s * 1e9)]
    more = judged.size * max(0.0, judged_s / (last.end_s - last.start_s) - 1)
    count = array.size + more + 5 * (array.size + more) ** 0.5
    tokens = [float(array[name].mean()) for name in ("tokens_in", "tokens_out")]
    return Use(int(count), last.start_s + judged_s, int(count * tokens[0]), int(count * tokens[1]))


class Watcher:
    """Asked at every word of the engine whether the run should end: an `Errand.abort` with a memory."""

    def __init__(self, folder: store.RunFolder, extension: Extension, load: Load, workers: int) -> None:
        self._folder = folder
        self._extension = extension
        self._due_ns = load.arrivals.array["due_ns"]
        catalog = Catalog(journeys=load.arrivals.journeys, phases=load.arrivals.phases)
        self._tails = SpoolTails([folder.spool(k) for k in range(workers)], catalog)
        self._parts: list[ResultArray] = []
        self._at: float | None = extension.looks.at_s[0]
        """The look that is next, in judged seconds; None after the one that ended the run."""
        self._try_s = extension.start_s + extension.looks.at_s[0] + SETTLE_S
        self.seen_s: float | None = None
        """On the run's clock, the moment of the latest look: of a load that was ended, what is due later is not
        judged. None before the first look."""
        self.ended = False
        """A look ended the load, and nobody else."""
        self.said: list[str] = []
        """One sentence a look."""

    def __call__(self, progress: Progress) -> str:
        looks = self._extension.looks
        if self._at is None or self._at >= looks.at_s[-1] or progress.state != "running":
            return ""
        new = self._tails.read()
        self._parts.append(new.array)
        if progress.elapsed_s < self._try_s:
            return ""
        self._try_s = progress.elapsed_s + AGAIN_S
        cut_s = self._extension.start_s + self._at
        due = int(np.searchsorted(self._due_ns, round(cut_s * 1e9)))
        array: ResultArray = np.concatenate(self._parts)
        self._parts = [array]
        array = array[array["seq"] < due]
        if missing := due - int(np.count_nonzero(array["step"] == ARRIVAL)):
            patience_s = float(self._folder.read_json(self._folder.job)["deadline_s"]) + PATIENCE_S
            if progress.elapsed_s <= cut_s + patience_s:
                return ""  # answers of what was due before the look may still come
            self._at = None
            return f"{missing} arrivals due before {cut_s:.0f} s have no outcome"
        return self._decide(look(Rows(array, new.catalog), self._folder, cut_s), cut_s)

    def _decide(self, verdict: Verdict, cut_s: float) -> str:
        assert self._at is not None, "a look is pending"
        looks = self._extension.looks
        number = looks.at_s.index(self._at) + 1
        self.seen_s = cut_s
        self.said.append(f"look {number} of {len(looks.at_s)}, {self._at:g} s judged: {verdict.word.value}")
        following = looks.next_s(self._at, verdict)
        self._at = following
        if following is None:
            self.ended = True
            return self.said[-1]
        self._try_s = self._extension.start_s + following + SETTLE_S
        return ""

    def facts(self, stopped_early: str) -> dict[str, Any]:
        """What the manifest must say of the looks, once the load has ended (`stopped_early`: why, in the engine's own
        words; empty where it ran to its planned end)."""
        cut_s = self.seen_s if stopped_early else None
        return {"looks": list(self.said), "judged_until_s": cut_s, "ended_by_look": self.ended and cut_s is not None}


def look(rows: Rows, folder: store.RunFolder, cut_s: float) -> Verdict:
    """What `rows` say of what was due before `cut_s`. Without the engine's own facts, which it tells at its end: such
    a look ends a run, it is never its verdict."""
    manifest = {**stored.read_manifest(folder), "judged_until_s": cut_s}
    rules, job = stored.rules_of(manifest), folder.read_json(folder.job)
    evidence = Evidence(
        own_run=False,
        phases=stored.windows_of(manifest, rules),
        planned=planned_of(load_arrivals(folder), manifest),
        in_flight_limit=job["in_flight_limit"],
        deadline_s=job["deadline_s"],
        journey_mix=manifest["mix"],
        prices=stored.prices_of(manifest),
        judged_until_s=cut_s,
    )
    return judge(rows, stored.slos_of(manifest), rules, evidence)


def either(*reasons: Abort | None) -> Abort:
    """All reasons to end a load, the first that speaks first."""

    def rule(progress: Progress) -> str:
        return next((why for reason in reasons if reason is not None and (why := reason(progress))), "")

    return rule
