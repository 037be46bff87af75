"""Two verdicts side by side, in words: what got better, what got worse, and what cannot be told apart."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis import Change, Check, Difference, State, Verdict
from harness.report import words
from harness.report.plain import line
from harness.report.promise import promise
from harness.report.secrets import without_secrets

SIGN = {Change.WORSE: "\u2717", Change.BETTER: "\u2713", Change.SAME: "=", Change.UNCLEAR: "?"}


def differences_text(
    differences: Sequence[Difference], names: tuple[str, str], verdicts: tuple[Verdict, Verdict], *, regressed: bool
) -> str:
    """Two runs by the difference of their bad shares: a line an SLO. `names` are those of the runs, base first."""
    differences, names, verdicts = without_secrets((tuple(differences), names, verdicts))
    checks = [{c.slo: c for c in verdict.checks} for verdict in verdicts]
    heads = [f"{line(name, 30)} {v.word.value}" for name, v in zip(names, verdicts, strict=True)]
    rows: list[tuple[str, ...]] = [("", "SLO", "before", "after", "beyond it: change [99 %]", "")]
    for d in differences[:40]:
        sides = [measured(side[d.slo]) for side in checks]
        rows.append((SIGN[d.change], promise(checks[1][d.slo]).title[:40], *sides, gap(d), d.change.value))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f" {heads[0]}  ->  {heads[1]}", ""]
    lines += [" " + "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", " REGRESSED" if regressed else " no regression shown"]) + "\n"


def change_sentences(base: Verdict, new: Verdict, differences: Sequence[Difference]) -> tuple[str, ...]:
    """For the report's box "since the last good run": the verdict, the proven rate, then every SLO that moved."""
    said = [] if base.word is new.word else [f"verdict {new.word.value}, was {base.word.value}"]
    before, after = base.capacity.proven, new.capacity.proven
    if before is not None and after is not None and before != after:
        said.append(f"proven {words.rate(after)}/s, was {words.rate(before)}/s")
    old, now = ({c.slo: c for c in v.checks} for v in (base, new))
    moved = [d for d in differences if d.change in (Change.WORSE, Change.BETTER)]
    said += [
        f"{promise(now[d.slo]).title}: {measured(now[d.slo])}, was {measured(old[d.slo])} ({d.change.value})"
        for d in moved
    ]
    if len(moved) < len(differences):
        rest = len(differences) - len(moved)
        said.append(f"{rest} {'other ' if moved else ''}SLO{'s' * (rest > 1)}: no change shown")
    return tuple(line(sentence) for sentence in said)


def measured(check: Check) -> str:
    """The value with its interval, or that there is none."""
    value = words.quantity_interval(check.value, check.value_low, check.value_high, check.unit)
    return value if check.state is not State.NO_DATA else "no data"


def gap(d: Difference) -> str:
    """`+0.40 % [-0.10 %, +0.90 %]`: the bad share of the new run minus that of the base."""
    return f"{100 * (d.share - d.base_share):+.2f} % [{100 * d.low:+.2f}, {100 * d.high:+.2f}]"
