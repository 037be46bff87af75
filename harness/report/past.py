"""The history of runs on a terminal: a line a run, and how one SLO went over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.analysis import State, Word
from harness.drill import Standing
from harness.report import words
from harness.report.live import sparkline
from harness.report.paint import Paint
from harness.report.plain import line
from harness.report.secrets import without_secrets
from harness.store import PastCheck, PastRun


def history_text(runs: Sequence[PastRun], width: int = 100, color: bool = False) -> str:
    """A line a run, in the order given; the last lines say how many passed. Ends in a newline."""
    if not runs:
        return " no run yet: peakproof run PLAN makes one\n"
    paint, shown = Paint(color), without_secrets(tuple(runs))
    head = ("", "run", "started", "verdict", "offered", "proven", "headroom", "plan")
    rows = [_run_cells(run) for run in shown]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [paint.tone(_columns(head, widths)[:width], "dim")]
    lines += [paint.tone(_columns(row, widths)[:width], run.verdict) for run, row in zip(shown, rows, strict=True)]
    passed, of = how_many_passed(shown)
    return "\n".join([*lines, "", f" {passed} of {of} passed"]) + "\n"


def drills_text(drills: Sequence[tuple[str, Standing]], width: int = 100) -> str:
    """A line a drill: how it stands, its title. Ends in a newline; empty where there is none."""
    rows = [(line(stands(known), 60), line(without_secrets(title), 200)) for title, known in drills]
    wide = max((len(told) for told, _ in rows), default=0)
    return "".join(f" {told:<{wide}}  {title}"[:width].rstrip() + "\n" for told, title in rows)


def stands(known: Standing) -> str:
    """`HELD 2026-11-24, OVERDUE by 3 d`; `-` for a drill that never ran and need not."""
    if known.last is None:
        return "OVERDUE: never run" if known.overdue_s else "-"
    last = f"{known.last.result} {known.last.started:%Y-%m-%d}"
    late = f", OVERDUE by {known.overdue_s / 86_400:.0f} d" if 0 < known.overdue_s < math.inf else ""
    return last + (", OVERDUE" if known.overdue_s == math.inf else late)


def trend_text(checks: Sequence[PastCheck], width: int = 100, color: bool = False) -> str:
    """One SLO over past runs, oldest first: a sparkline, then a line a run. Ends in a newline."""
    if not checks:
        return " no run of the history has such an SLO\n"
    paint, shown = Paint(color), without_secrets(tuple(checks))
    values = [math.nan if c.value is None else c.value for c in shown]
    lines = [f" {line(shown[-1].slo, 60)}   {sparkline(values, 40)}", ""]
    for check, value in zip(shown, values, strict=True):
        known = check.state in {state.value for state in State}
        sign = words.SIGN[State(check.state)] if known else "?"
        bounds = [math.nan if b is None else b for b in (check.value_low, check.value_high)]
        told = words.quantity_interval(value, bounds[0], bounds[1], check.unit)
        cells = f" {sign} {line(check.run_id, 12):<6} {day(check.started)}  {line(check.state, 12):<9}  {told}"
        lines.append(paint.tone(cells[:width].rstrip(), check.state))
    return "\n".join(lines) + "\n"


def how_many_passed(runs: Sequence[PastRun]) -> tuple[int, int]:
    """(passed, of so many). Drills do not count: a weakness found is no failed run."""
    loads = [run for run in runs if not run.drill]
    return sum(run.verdict == Word.PASS.value for run in loads), len(loads)


def word_of(run: PastRun) -> str:
    """`PASS (smoke)`, `drill HELD`: what the run came to."""
    word = line(run.verdict, 14) or "no verdict"
    return f"drill {word}" if run.drill else word + (" (smoke)" if run.smoke else "")


def sign_of(run: PastRun) -> str:
    """The sign of a verdict; a dash for a run without one, and for a drill."""
    known = not run.drill and run.verdict in {word.value for word in Word}
    return words.VERDICT_SIGN[Word(run.verdict)] if known else "\u2013"


def _run_cells(run: PastRun) -> tuple[str, ...]:
    return (
        sign_of(run),
        line(run.run_id, 12),
        day(run.started),
        word_of(run),
        words.rate(run.offered_rate),
        words.rate(run.proven),
        words.headroom(run.headroom),
        line(run.plan, 40),
    )


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " + "  ".join(f"{cell:<{size}}" for cell, size in zip(cells, widths, strict=True))).rstrip()


def day(started: str) -> str:
    """`2026-11-24T12:00:00+00:00` -> `2026-11-24 12:00`."""
    return line(started[:16].replace("T", " "), 16)
