"""Load and faults on one clock, carried to their end or to the moment that something ends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness import store
from harness.drill import Drill, Injector, Timeline, Watch
from harness.engine import EngineProcess, Progress, launch
from harness.errors import Problem, RefusedError
from harness.guard import stop_reason
from harness.run import conductor
from harness.run.drill_faults import FaultHolder
from harness.run.drill_holding import Event, Holder, Terms
from harness.run.drill_inputs import DrillInputs
from harness.run.drill_judging import Journal
from harness.run.drill_outside import OutsideHolder, Reach
from harness.run.planning import Load, engine_job
from harness.run.signals import stopping

Seeing = Callable[[Progress, Load], None]
_JOIN_S = 30.0


@dataclass
class Course:
    """What a drill under way knows: shared by the main thread, the fault threads, the kill switch and the signals."""

    drill: Drill
    timeline: Timeline
    run_id: str
    target: str = ""
    watch: Watch = field(default_factory=Watch)
    engine: EngineProcess | None = None
    holders: tuple[Holder, ...] = ()
    stopped: str = ""
    """Who ended it before its time."""
    aborted: str = ""
    """The abort rule that ended it."""
    events: list[Event] = field(default_factory=list)
    _vetoed: str | None = None

    def ending(self) -> str:
        """Why it ends before its time; empty while it does not."""
        return self.stopped or self.aborted

    def now_s(self) -> float:
        """The run's clock; minus infinity until the load begins."""
        engine = self.engine
        return (time.monotonic_ns() - engine.start_ns) / 1e9 if engine and engine.start_ns else -np.inf

    def halt(self, why: str) -> None:
        """From a signal or the kill switch, in whichever thread: load and faults end now."""
        if not self.stopped:
            self.stopped = why
            self.events.append(Event(self.now_s(), why))
        self._end(why)

    def abort(self, why: str) -> None:
        """The drill's own rule ends it."""
        if not self.aborted:
            self.aborted = why
            self.events.append(Event(self.now_s(), why))
        self._end(why)

    def _end(self, why: str) -> None:
        if self.engine is not None:
            self.engine.stop(why)
        for holder in self.holders:
            holder.stop()

    def alarm(self, why: str) -> None:
        """From a fault's thread: something went wrong with it, and nothing else may stay broken for that."""
        self._end(why)

    def veto(self) -> str:
        """Why no fault may be injected: the baseline, asked at the first one and the same for all after it; or what
        went wrong with another."""
        if trouble := next((h.trouble for h in self.holders if h.trouble), ""):
            return trouble
        if self._vetoed is None:
            self._vetoed = self.watch.unsteady(self.drill.steady_state, self.timeline.baseline_s)
        return self._vetoed

    def look(self, progress: Progress) -> None:
        """Feed the live watch; end the drill where its abort rule or a fault's thread says so."""
        self.watch.feed(progress.elapsed_s, progress.outcomes)
        rule = self.drill.abort
        if rule and not self.aborted and (why := self.watch.aborts(rule, progress.elapsed_s)):
            self.abort(why)
        trouble = next((t for h in self.holders if (t := h.not_injected or h.trouble)), "")
        if trouble and progress.state == "running":
            self._end(trouble)

    def status(self) -> Mapping[str, Any]:
        """What the kill switch's door tells: JSON-clean."""
        now_s = self.now_s()
        phases = (name for name, start_s, end_s in self.timeline.phases() if start_s <= now_s < end_s)
        return {
            "run_id": self.run_id,
            "title": self.drill.title,
            "target": self.target,
            "phase": next(phases, "preflight" if now_s < 0 else "ending"),
            "elapsed_s": round(now_s, 1) if np.isfinite(now_s) else None,
            "faults": [f"{g.fault} on {g.on}" for h in self.holders for g in h.granted if g.id not in h.over],
            "stopping": self.ending(),
        }


def carry(  # noqa: PLR0917 -- one value from each source
    asked: DrillInputs,
    folder: store.RunFolder,
    target: str,
    injector: Injector | None,
    reach: Reach,
    course: Course,
    watch: Seeing,
) -> Journal:
    """Carry load and faults. Raises RefusedError where it was stopped, or a watchman failed, before the load."""
    inputs = asked.inputs
    job = engine_job(inputs.plan, inputs.load, folder.run_id, target, inputs.seed, conductor.descriptor_limit())
    job = replace(job, canary=asked.drill.seeks_canary)
    course.holders = _holders(asked, folder, injector, reach, course)
    started = False
    try:
        if why := course.ending():
            raise RefusedError(Problem(f"{why}, before the load began"))
        course.engine = engine = launch(job, folder.path, folder.arrivals)
        try:
            with stopping(first=course.halt, second=engine.kill):
                started = True
                for holder in course.holders:
                    holder.start()
                if why := course.ending():  # it was stopped while the engine was started
                    course.halt(why)
                for progress in engine.progress():
                    course.look(progress)
                    watch(progress, inputs.load)
                    used = conductor.used(progress, inputs.load)
                    if reason := stop_reason(used, inputs.plan.limits, inputs.plan.prices):
                        course.halt(reason)
                engine.wait()
        finally:
            engine.kill()
    finally:
        for holder in course.holders:
            holder.stop()
        for holder in course.holders:
            if started:
                holder.join(_JOIN_S)
            else:
                holder.dismiss()
    return Journal.of(course.holders, course.stopped, course.aborted, course.events)


def _holders(
    asked: DrillInputs, folder: store.RunFolder, injector: Injector | None, reach: Reach, course: Course
) -> tuple[Holder, ...]:
    terms = Terms(f"run {folder.run_id}", asked.drill.ttl_s, course.now_s, course.veto, course.alarm)
    holders: list[Holder] = []
    if injector is not None and asked.timeline.spans:
        holders.append(FaultHolder(injector, asked.timeline.spans, terms))
    try:
        for span in asked.timeline.outside:
            # those that came up are dismissed where a later one does not
            holders.append(OutsideHolder(span, reach, terms, folder.path / "watchman.log"))  # noqa: PERF401 -- see above
    except BaseException:
        for holder in holders:
            holder.dismiss()
        raise
    return tuple(holders)
