"""All rows of the lie detector, in the order of docs/lies.md; the healthy twins come first."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import Problem, UsageError
from harness.run.selftest.lie import Lie
from harness.run.selftest.rows_engine import ENGINE
from harness.run.selftest.rows_figures import FIGURES, HEALTHY
from harness.run.selftest.rows_machine import MACHINE
from harness.run.selftest.rows_streams import STREAMS
from harness.run.selftest.rows_target import TARGET

LIES: tuple[Lie, ...] = tuple(
    sorted(
        (*HEALTHY, *ENGINE, *FIGURES, *STREAMS, *TARGET, *MACHINE),
        key=lambda lie: (int(lie.row.rstrip("abcdefgh")), lie.row),
    )
)

CORE = frozenset({"0a", "1", "2", "9", "12b", "18", "20", "24", "26a", "28", "31", "36", "54a"})
"""The representative few that the tests run each time: at least one a kind of lie."""


def chosen(rows: Sequence[str], *, core: bool = False) -> tuple[Lie, ...]:
    """The rows asked for, by number (`26` takes all its forms) or by name (`26c`); all where none is. Raises UsageError
    for a row that is not there."""
    lies = tuple(lie for lie in LIES if lie.row in CORE or not core)
    if not rows:
        return lies
    known = {lie.row for lie in LIES} | {_number(lie) for lie in LIES}
    if unknown := [row for row in rows if row not in known]:
        advice = "rows: " + ", ".join(dict.fromkeys(_number(lie) for lie in LIES))
        raise UsageError(Problem(f"no row {unknown[0]!r}", advice))
    return tuple(lie for lie in LIES if lie.row in rows or _number(lie) in rows)


def _number(lie: Lie) -> str:
    return lie.row.rstrip("abcdefgh")
