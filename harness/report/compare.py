"""Two verdicts side by side: what got better, what got worse, and what cannot be told apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.analysis import Change as Found
from harness.analysis import Check, Difference, State, Verdict, Word
from harness.report import words
from harness.report.plain import line
from harness.report.promise import promise


class Move(StrEnum):
    """How a check moved; `NO_CHANGE` says that the intervals overlap, not that nothing changed."""

    WORSE = "worse"
    NEW = "new"
    GONE = "gone"
    NO_DATA = "no data"
    NO_CHANGE = "no change shown"
    BETTER = "better"


@dataclass(frozen=True)
class Change:
    """One SLO in both runs; `before` or `after` is None where only one of them has it."""

    slo: str
    move: Move
    before: Check | None
    after: Check | None

    @property
    def check(self) -> Check:
        """The newer side, else the older."""
        side = self.after or self.before
        assert side is not None, "a change has a side"
        return side

    @property
    def gate(self) -> str:
        return self.check.gate

    @property
    def sentence(self) -> str:
        """`ttft p95: 1 240 ms, was 1 210 ms (no change shown)`."""
        texts = [_value(c) for c in (self.after, self.before) if c is not None]
        return line(f"{promise(self.check).title}: {', was '.join(texts)} ({self.move.value})")


@dataclass(frozen=True)
class Comparison:
    """`comparable` is empty, or says why nothing can be concluded."""

    changes: tuple[Change, ...]
    word: tuple[Word, Word]
    """Before and after."""
    proven: tuple[float | None, float | None]
    comparable: str = ""

    @property
    def regressed(self) -> bool:
        """A blocking check got worse or lost its data, or the verdict fell from PASS."""
        fell = self.word[0] is Word.PASS and self.word[1] is not Word.PASS
        bad = (Move.WORSE, Move.GONE, Move.NO_DATA)
        return fell or any(c.move in bad and c.gate == "block" for c in self.changes)

    @property
    def sentences(self) -> tuple[str, ...]:
        """For the report's box "since the last good run": what moved first."""
        first = [] if self.word[0] is self.word[1] else [f"verdict {self.word[1].value}, was {self.word[0].value}"]
        if None not in self.proven and self.proven[0] != self.proven[1]:
            first.append(f"proven {words.rate(self.proven[1])}/s, was {words.rate(self.proven[0])}")
        return (*([self.comparable] if self.comparable else []), *first, *(c.sentence for c in self.changes))


def compare(before: Verdict, after: Verdict) -> Comparison:
    """Checks matched by their SLO's text; one counts as moved where the intervals of its bad share do not overlap, or
    where one run met it and the other missed it."""
    old, new = ({c.slo.strip(): c for c in v.checks} for v in (before, after))
    changes = [_change(slo, old.get(slo), new.get(slo)) for slo in dict.fromkeys([*new, *old])]
    order = list(Move)
    return Comparison(
        changes=tuple(sorted(changes, key=lambda c: order.index(c.move))),
        word=(before.word, after.word),
        proven=(before.capacity.proven, after.capacity.proven),
        comparable=_doubt(before, after),
    )


def compare_text(comparison: Comparison, names: Sequence[str]) -> str:
    """The comparison on a terminal: one line a check. `names` are those of the two runs."""
    first = f" {line(names[0], 30)} {comparison.word[0].value}  ->  {line(names[1], 30)} {comparison.word[1].value}"
    lines = [first, *([f" ! {comparison.comparable}"] if comparison.comparable else []), ""]
    rows: list[tuple[str, ...]] = [("", "SLO", "before", "after", "")]
    signs = {Move.WORSE: "\u2717", Move.BETTER: "\u2713", Move.NO_CHANGE: "="}
    for change in comparison.changes[:40]:
        sides = [_value(c) if c else words.UNKNOWN for c in (change.before, change.after)]
        rows.append((signs.get(change.move, "!"), promise(change.check).title[:40], *sides, change.move.value))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines += [
        " " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    ending = "REGRESSED" if comparison.regressed else "no regression shown"
    return "\n".join([*lines, "", f" {ending}"]) + "\n"


def differences_text(
    differences: Sequence[Difference], names: tuple[str, str], verdicts: tuple[Verdict, Verdict], *, regressed: bool
) -> str:
    """Two runs by the difference of their bad shares: a line an SLO. `names` are those of the runs, base first."""
    checks = [{c.slo: c for c in verdict.checks} for verdict in verdicts]
    heads = [f"{line(name, 30)} {v.word.value}" for name, v in zip(names, verdicts, strict=True)]
    signs = {Found.WORSE: "\u2717", Found.BETTER: "\u2713", Found.SAME: "=", Found.UNCLEAR: "?"}
    rows: list[tuple[str, ...]] = [("", "SLO", "before", "after", "beyond it: change [99 %]", "")]
    for d in differences[:40]:
        sides = [_value(side[d.slo]) for side in checks]
        gap = f"{d.share - d.base_share:+.2%} [{d.low:+.2%}, {d.high:+.2%}]"
        rows.append((signs[d.change], promise(checks[1][d.slo]).title[:40], *sides, gap, d.change.value))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f" {heads[0]}  ->  {heads[1]}", ""]
    lines += [" " + "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", " REGRESSED" if regressed else " no regression shown"]) + "\n"


def _change(slo: str, before: Check | None, after: Check | None) -> Change:
    if before is None or after is None:
        return Change(slo, Move.NEW if before is None else Move.GONE, before, after)
    return Change(slo, _move(before, after), before, after)


def _move(before: Check, after: Check) -> Move:
    if State.NO_DATA in (before.state, after.state):
        return Move.NO_DATA
    if (before.state, after.state) == (State.MET, State.MISSED):
        return Move.WORSE
    if (before.state, after.state) == (State.MISSED, State.MET):
        return Move.BETTER
    bounds = (before.bad_share_low, before.bad_share_high, after.bad_share_low, after.bad_share_high)
    if any(math.isnan(b) for b in bounds):
        return Move.NO_CHANGE
    if after.bad_share_low > before.bad_share_high:
        return Move.WORSE
    return Move.BETTER if after.bad_share_high < before.bad_share_low else Move.NO_CHANGE


def _doubt(before: Verdict, after: Verdict) -> str:
    broken = [name for name, v in (("the first", before), ("the second", after)) if v.word is Word.INVALID]
    if broken:
        return f"{' and '.join(broken)} run is INVALID: what was not measured cannot be compared"
    rates = before.offered_rate, after.offered_rate
    if rates[0] and rates[1] and abs(rates[1] / rates[0] - 1) > 0.1:
        return f"the load differs: {words.rate(rates[0])} and {words.rate(rates[1])}/s"
    return ""


def _value(check: Check) -> str:
    value = words.quantity_interval(check.value, check.value_low, check.value_high, check.unit)
    return value if check.state is not State.NO_DATA else "no data"
