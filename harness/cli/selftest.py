"""`peakproof selftest`: the lie detector, on the user's own machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.terminal import note, show, show_json
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.run.selftest import Finding


def selftest(
    rows: Annotated[str, typer.Option(help="Only these rows of docs/lies.md: 1,18,26 or 26c.")] = "",
    *,
    core: Annotated[bool, typer.Option("--core", help="Only the representative few (about two minutes).")] = False,
    jobs: Annotated[int, typer.Option(min=1, max=16, help="Rows at a time; more than one needs cores to spare.")] = 1,
    keep: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep every row's run folder here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list on stdout instead of the table.")] = False,
) -> int:
    """Plant the known ways in which load tests deceive, for real, and see that each gets the verdict it must.

    Servers of its own on loopback; nothing else is loaded. Exit code 0 when every row is as expected, else 1.
    """
    from harness.run.selftest import chosen, try_all

    lies = chosen([row.strip() for row in rows.split(",") if row.strip()], core=core)
    width = max(len(lie.planted) for lie in lies)
    line = f"{{:>4}}  {{:<{width}}}  {{:<15}}  {{:<12}}  {{}}"
    if not as_json:
        show(line.format("row", "planted", "expected", "got", "ok"))
    found = []
    for finding in try_all(lies, keep, jobs):
        found.append(finding)
        lie = finding.lie
        said = _said(finding)
        if not as_json:
            show(line.format(lie.row, lie.planted, " or ".join(lie.expected), finding.got, said))
    wrong = [finding for finding in found if not finding.ok and not finding.skipped]
    if as_json:
        show_json([_plain(finding) for finding in found])
    else:
        skipped = sum(finding.skipped for finding in found)
        rest = f", {skipped} could not be tried here" if skipped else ""
        note(f"{len(found) - len(wrong) - skipped} of {len(found)} rows as expected{rest}")
    return ExitCode.CRASH if wrong else ExitCode.PASS


def _said(finding: Finding) -> str:
    if finding.ok:
        return "ok" + (f" ({', '.join(finding.reasons)})" if finding.reasons else "")
    return f"{'skipped' if finding.skipped else 'NOT CAUGHT'}: {finding.trouble}"


def _plain(finding: Finding) -> dict[str, object]:
    lie = finding.lie
    fields = {"row": lie.row, "planted": lie.planted, "expected": list(lie.expected), "got": finding.got}
    told = {"skipped": finding.skipped, "trouble": finding.trouble, "reasons": list(finding.reasons)}
    return {**fields, "ok": finding.ok, **told}
