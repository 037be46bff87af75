"""What every exporter of a drill reads. Plain frozen values, no I/O."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from harness.analysis import State
from harness.drill import Drill, DrillVerdict, Kept, Numbers, Share, Timeline, Word
from harness.report.model import Report, Run

KEPT_AS = {Kept.HELD: State.MET, Kept.MISSED: State.MISSED, Kept.NO_DATA: State.NO_DATA}
"""An expectation is shown with the signs and colours of an SLO."""
TONE = {Word.HELD: "PASS", Word.DID_NOT_HOLD: "FAIL", Word.NOT_RUN: "INCONCLUSIVE", Word.INVALID: "INVALID"}
ACTION = {
    Word.HELD: "degrades as promised",
    Word.DID_NOT_HOLD: "a weakness was found: fix it, then drill again",
    Word.NOT_RUN: "nothing was learnt about the system: mend what is in the way, then drill",
    Word.INVALID: "the drill cannot be trusted: mend the drill, not the system",
}


@dataclass(frozen=True)
class DrillReport:
    drill: Drill
    timeline: Timeline
    numbers: Numbers | None
    """None where nothing was measured."""
    verdict: DrillVerdict
    run: Run
    whole: Report
    """The run under it: rows, evidence, gates, fault bands."""
    journal: tuple[tuple[float, str], ...]
    """(seconds of the run's clock, what happened)."""
    against: str
    """What speaks against the rollback; empty where it is confirmed."""
    past: tuple[str, ...]
    """The words of the last runs of the same drill, oldest first."""
    text: str = ""
    """The drill file as it was run, everything laid over it."""

    @property
    def history(self) -> str:
        """`held 6 of the last 7`, this run included."""
        words = [*self.past, self.verdict.word.value][-7:]
        return f"held {words.count(Word.HELD.value)} of the last {len(words)}"

    def course(self) -> Iterator[tuple[str, str, bool]]:
        """(by the clock, what, whether it is the begin of a phase) in the order of time: phases and journal."""
        phases = [
            (start_s, f"{name}, {end_s - start_s:.1f} s", True) for name, start_s, end_s in self.timeline.phases()
        ]
        happened = [*phases, *((at_s, what, False) for at_s, what in self.journal)]
        for at_s, what, phase in sorted(happened, key=lambda event: event[0]):
            yield self.clock(at_s), what, phase

    def clock(self, at_s: float) -> str:
        """A moment as a person names it; what came before the load has no time on its clock."""
        return self.run.at(at_s) if math.isfinite(at_s) else "before"

    def faults(self) -> Iterator[tuple[str, str, float, float, str]]:
        """(on, fault, seconds after the first, seconds it lasts, its own fields) of each, as the file asks."""
        for fault in self.drill.faults:
            fields = ", ".join(f"{name}: {value}" for name, value in fault.fields.items())
            yield fault.on, fault.fault, fault.after_s, self.drill.fault_s(fault), fields
        for outside in self.drill.outside:
            told = f"{outside.action.provider.type}; rollback {outside.rollback.name}; gone when {outside.gone.name}"
            yield outside.name, outside.action.name, outside.after_s, self.drill.fault_s(outside), told

    def findings(self) -> Iterator[tuple[str, str]]:
        """Every number that a drill prints, as (name, words)."""
        if (n := self.numbers) is None:
            return
        yield "time to degraded", time_words(n.time_to_degraded_s)
        yield (
            "time to recover",
            time_words(n.time_to_recover_s)
            + (
                f" ({time_words(max(0.0, n.time_to_recover_s - n.recover_from_s))} after the last hint ran out)"
                if n.recover_from_s
                else ""
            )
            + (" METASTABLE: still degraded at unchanged load" if n.metastable else ""),
        )
        yield "success in the hold", share_words(n.hold)
        yield "silent-degraded", share_words(n.silent)
        yield "false-degraded", share_words(n.steady.degraded)
        yield (
            "retry amplification",
            f"{_number(n.amplification)} x the baseline, {_number(n.calls_per_request)} calls a request",
        )
        yield "recovery overshoot", f"{_number(n.overshoot)} x what the load asks for"
        yield "requests lost", f"{n.lost:,}"
        yield (
            "error budget burned",
            f"{_number(n.budget_burned)} x the drill's own (errors {self.drill.steady_state.errors})",
        )

    def ladder(self) -> Iterator[tuple[str, str, str]]:
        """(level, signal, when it spoke) of each signal, the asked ones first."""
        for fired in self.numbers.fired if self.numbers else ():
            asked = "" if fired.asked else " (found in the upstreams' log)"
            when = f"after {fired.after_s:.1f} s" if math.isfinite(fired.after_s) else "never"
            yield f"L{fired.signal.level}", f"{fired.signal}{asked}", when


def time_words(seconds: float) -> str:
    return f"{seconds:.1f} s" if math.isfinite(seconds) else "never"


def share_words(share: Share) -> str:
    return f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] of {share.n}" if share.n else "no request"


def _number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"
