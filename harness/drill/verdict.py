"""HELD, DID NOT HOLD, NOT RUN or INVALID: each expectation against what was measured. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.analysis import Caveat, Check, State
from harness.drill.bounds import Bound
from harness.drill.detect import WINDOW_REQUESTS
from harness.drill.model import Drill
from harness.drill.numbers import Numbers, Share
from harness.errors import ExitCode


class Word(StrEnum):
    """What became of the hypothesis; a weakness found is no failure of the drill."""

    HELD = "HELD"
    DID_NOT_HOLD = "DID NOT HOLD"
    NOT_RUN = "NOT RUN"
    INVALID = "INVALID"


class Kept(StrEnum):
    """What became of one expectation."""

    HELD = "held"
    MISSED = "missed"
    NO_DATA = "no data"


@dataclass(frozen=True)
class Expectation:
    """One line of `expect`, measured."""

    name: str
    measured: str
    limit: str
    kept: Kept
    note: str = ""


@dataclass(frozen=True)
class DrillVerdict:
    word: Word
    why: str
    """One sentence."""
    expectations: tuple[Expectation, ...]
    rollback_confirmed: bool
    rollback_command: str
    """What clears a fault that may still be active."""

    @property
    def exit_code(self) -> ExitCode:
        if not self.rollback_confirmed:
            return ExitCode.ROLLBACK_NOT_CONFIRMED
        return {
            Word.HELD: ExitCode.PASS,
            Word.DID_NOT_HOLD: ExitCode.EXPECTATION_MISSED,
            Word.NOT_RUN: ExitCode.REFUSED,
            Word.INVALID: ExitCode.INVALID,
        }[self.word]


@dataclass(frozen=True)
class Conduct:
    """How the drill itself went, beside what was measured."""

    broken: tuple[Caveat, ...] = ()
    """Gates that do not hold: the measurement cannot be trusted."""
    stopped: str = ""
    """Who ended it before its time: the kill switch, a signal."""
    aborted: str = ""
    """The abort rule that ended it."""
    not_injected: str = ""
    """Why no fault was injected; empty where it was."""
    fault_trouble: str = ""
    """A fault that did not last as planned: a lease lost, an injector that no longer answers."""
    rollback_confirmed: bool = True
    rollback_command: str = ""


def judge_drill(drill: Drill, numbers: Numbers | None, during: Sequence[Check], conduct: Conduct) -> DrillVerdict:
    """`numbers` is None where nothing was measured. An expectation missed before the measurement was spoiled does not
    stand here: a drill is cheap to repeat."""
    expectations = tuple(_expectations(drill, numbers, during)) if numbers else ()
    word, why = _word(numbers, expectations, conduct)
    return DrillVerdict(word, why, expectations, conduct.rollback_confirmed, conduct.rollback_command)


def _word(numbers: Numbers | None, expectations: Sequence[Expectation], conduct: Conduct) -> tuple[Word, str]:
    return next(_grounds(numbers, expectations, conduct), (Word.HELD, "every expectation was met"))


def _grounds(
    numbers: Numbers | None, expectations: Sequence[Expectation], conduct: Conduct
) -> Iterator[tuple[Word, str]]:
    """What stands against HELD, the weightiest first."""
    if conduct.not_injected:
        yield Word.NOT_RUN, conduct.not_injected
    if not conduct.rollback_confirmed:
        yield Word.INVALID, "the rollback could not be confirmed: the fault may still be active"
    if conduct.stopped:
        yield Word.INVALID, conduct.stopped
    if numbers is None:
        yield Word.INVALID, "nothing was measured"
    else:
        yield from _measured(numbers, expectations, conduct)


def _measured(numbers: Numbers, expectations: Sequence[Expectation], conduct: Conduct) -> Iterator[tuple[Word, str]]:
    for caveat in conduct.broken:
        yield Word.INVALID, f"{caveat.kind}: {caveat.what}"
    if numbers.steady.broken:
        yield Word.NOT_RUN, f"the steady state did not hold before the fault: {numbers.steady.broken}"
    if conduct.aborted:
        yield Word.DID_NOT_HOLD, conduct.aborted
    if conduct.fault_trouble:
        yield Word.INVALID, conduct.fault_trouble
    for on in (on for on, changed in numbers.effects if not changed):
        yield Word.INVALID, f"the fault on {on} was accepted and changed nothing: it was not injected in truth"
    if missed := [e for e in expectations if e.kept is Kept.MISSED]:
        more = f", and {len(missed) - 1} more" if len(missed) > 1 else ""
        yield Word.DID_NOT_HOLD, f"{missed[0].name}: {missed[0].measured}, expected {missed[0].limit}{more}"
    for unknown in (e for e in expectations if e.kept is Kept.NO_DATA):
        yield Word.INVALID, f"{unknown.name} could not be measured: {unknown.note or 'no data'}"


def _expectations(drill: Drill, numbers: Numbers, during: Sequence[Check]) -> Iterator[Expectation]:
    expect = drill.expect
    if expect.degraded:
        took_s = numbers.time_to_degraded_s
        first = min((f for f in numbers.fired if f.asked), key=lambda f: f.after_s)
        note = f"L{first.signal.level} {first.signal}" if math.isfinite(took_s) else "no signal of it"
        kept = Kept.HELD if took_s <= expect.degraded.within_s else Kept.MISSED
        if drill.rests_on_canary and not numbers.canary_seen:
            kept, note = (
                Kept.NO_DATA,
                "no answer said who wrote it, not even before the fault: level 5 cannot speak here",
            )
        yield Expectation("degraded mode begins", _time(took_s), f"within {expect.degraded.within_s:g} s", kept, note)
        if expect.degraded.success:
            yield _of_share("success in degraded mode", numbers.hold, expect.degraded.success)
    if expect.success:
        yield _of_share("success under the fault", numbers.under_fault, expect.success)
    for check in during:
        yield _of_check(check)
    if expect.amplification:
        yield _of_ratio("retry amplification", numbers.amplification, expect.amplification)
    if expect.overshoot:
        yield _of_ratio("overshoot at recovery", numbers.overshoot, expect.overshoot)
    if expect.silent:
        yield _of_share("degraded without saying so", numbers.silent, expect.silent, fewest=0)
    if expect.recovered:
        yield _recovery(numbers, expect.recovered.within_s)


def _recovery(numbers: Numbers, within_s: float) -> Expectation:
    took_s = max(0.0, numbers.time_to_recover_s - numbers.recover_from_s)
    hint = f"the last Retry-After ran out {numbers.recover_from_s:.1f} s after the revert; " * (
        numbers.recover_from_s > 0
    )
    if took_s <= within_s:
        return Expectation("recovered", _time(took_s), f"within {within_s:g} s", Kept.HELD, hint.rstrip("; "))
    if numbers.observed_after_s < within_s:
        note = f"{hint}the load ended {numbers.observed_after_s:.1f} s later: raise load.hint"
        return Expectation("recovered", "unknown", f"within {within_s:g} s", Kept.NO_DATA, note)
    note = hint + (
        "metastable: still not back at unchanged load"
        if numbers.metastable
        else f"watched {numbers.observed_after_s:.0f} s"
    )
    return Expectation("recovered", _time(took_s), f"within {within_s:g} s", Kept.MISSED, note)


def _of_share(name: str, share: Share, bound: Bound, fewest: int = WINDOW_REQUESTS) -> Expectation:
    if share.n == 0 and fewest == 0:
        return Expectation(name, "0 answers", str(bound), Kept.HELD, "no degraded answer was proven")
    if share.n < fewest:
        return Expectation(name, "-", str(bound), Kept.NO_DATA, f"{share.n} requests, {fewest} are needed")
    measured = f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}] of {share.n}"
    kept = Kept.HELD if bound.allows(share.value) else Kept.MISSED
    sure = bound.allows(share.high if bound.is_ceiling else share.low)
    note = "" if sure or kept is Kept.MISSED else "thin: too few requests to be sure of the limit"
    return Expectation(name, measured, str(bound), kept, note)


def _of_ratio(name: str, value: float, bound: Bound) -> Expectation:
    if math.isnan(value):
        return Expectation(name, "-", str(bound), Kept.NO_DATA, "the upstreams' log does not show it")
    return Expectation(name, f"{value:.2f} x", str(bound), Kept.HELD if bound.allows(value) else Kept.MISSED)


def _of_check(check: Check) -> Expectation:
    limit = f"at most {check.allowed_share:.2%} of requests beyond it"
    if check.n == 0 or check.state is State.NO_DATA:
        return Expectation(check.slo, "-", limit, Kept.NO_DATA, check.reason or "no data")
    if math.isnan(check.allowed_share):
        kept = Kept.MISSED if check.state is State.MISSED else Kept.HELD
        return Expectation(check.slo, f"{check.value:.3g} {check.unit}", f"{check.limit:g} {check.unit}", kept)
    kept = Kept.HELD if check.bad_share <= check.allowed_share else Kept.MISSED
    note = "" if check.state is not State.UNDECIDED else "thin: too few requests to be sure of the limit"
    measured = f"{check.bad_share:.1%} of {check.n} beyond it"
    return Expectation(check.slo, measured, limit, kept, note if kept is Kept.HELD else "")


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if math.isfinite(seconds) else "never"
