"""Is a drill overdue? Its own `every:` against the runs that are known. Pure: the time is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.drill.verdict import Word

_TOLD = (Word.HELD.value, Word.DID_NOT_HOLD.value)


@dataclass(frozen=True)
class PastDrill:
    """One run of a drill."""

    title: str
    started: datetime
    result: str
    run_id: str


@dataclass(frozen=True)
class Standing:
    """Where a drill stands by its history."""

    last: PastDrill | None
    """Its last run, whatever came of it."""
    told: PastDrill | None
    """The last that told something of the system: HELD or DID NOT HOLD. A drill that was not run, or was INVALID, is
    still to be done."""
    overdue_s: float
    """How long it should have been run again; 0 where it need not yet, or says no `every`, infinity for never run."""


def standing(title: str, every_s: float | None, past: Sequence[PastDrill], now: datetime) -> Standing:
    """`past`: runs of any drill, in any order. `now` and their times have a zone."""
    mine = sorted((run for run in past if run.title == title), key=lambda run: run.started)
    told = [run for run in mine if run.result in _TOLD]
    overdue_s = 0.0
    if every_s is not None:
        due = told[-1].started + timedelta(seconds=every_s) if told else None
        overdue_s = float("inf") if due is None else max(0.0, (now - due).total_seconds())
    return Standing(mine[-1] if mine else None, told[-1] if told else None, overdue_s)
