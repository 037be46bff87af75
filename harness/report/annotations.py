"""Findings at the SLO's own line of YAML: GitHub workflow commands, and GitLab's code quality report."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from harness.analysis import Check, State
from harness.report import words
from harness.report.model import Report
from harness.report.order import shown_failures, worst_first
from harness.report.plain import line
from harness.report.promise import promise
from harness.report.summary import needs

ANNOTATIONS_MAX = 10
"""GitHub shows ten of each kind a step, and drops the others silently."""


@dataclass(frozen=True)
class _Place:
    file: str
    line: int
    column: int


def github_annotations(report: Report) -> list[str]:
    """At most ten workflow commands (`::error file=slo.yaml,line=3,...::text`), worst first; the last one says how many
    more there are. None for a check that is met."""
    report, _ = shown_failures(report)
    found = _found(report)
    shown = found if len(found) <= ANNOTATIONS_MAX else found[: ANNOTATIONS_MAX - 1]
    commands = []
    for check in shown:
        place = _place(check)
        where = f"file={_property(place.file)},line={place.line},col={place.column}," if place else ""
        level = "error" if check.gate == "block" else "warning" if check.gate == "warn" else "notice"
        title = _property(f"{check.state.value}: {promise(check).title}")
        commands.append(f"::{level} {where}title={title}::{_message(_told(check))}")
    if len(shown) < len(found):
        commands.append(f"::notice title=peakproof::{len(found) - len(shown)} more findings are in the report")
    return commands


def gitlab_code_quality(report: Report) -> str:
    """The same findings, all of them, as a code quality report (JSON); stable fingerprints, one an SLO."""
    report, _ = shown_failures(report)
    severity = {"block": "major", "warn": "minor", "info": "info"}
    issues = []
    for check in _found(report):
        place = _place(check) or _Place(report.run.plan_name or "plan.yaml", 1, 1)
        issues.append(
            {
                "type": "issue",
                "check_name": f"slo-{check.state.value.lower()}",
                "description": f"{promise(check).title}: {_told(check)}",
                "fingerprint": hashlib.sha256(f"{place.file} {check.slo}".encode("utf-8", "replace")).hexdigest(),
                "severity": severity.get(check.gate, "major"),
                "location": {"path": line(place.file), "lines": {"begin": place.line}},
            }
        )
    return json.dumps(issues, indent=2) + "\n"


def _found(report: Report) -> list[Check]:
    return [c for c in worst_first(report.verdict.checks) if c.state is not State.MET]


def _told(check: Check) -> str:
    if check.state is State.NO_DATA:
        return f"no data: {needs(check)}"
    value = words.quantity_interval(check.value, check.value_low, check.value_high, check.unit)
    told = f"{value} against {words.limit(check.limit, check.unit)}; beyond it {words.beyond(check)}"
    return f"{told}; {needs(check)}" if check.state is State.UNDECIDED else told


def _place(check: Check) -> _Place | None:
    """`file:line:column` of the check's source; the file's own name may hold colons."""
    file, _, place = check.source.rpartition(":")
    head, _, number = file.rpartition(":")
    if head and number.isdigit() and place.isdigit():
        return _Place(head, int(number), int(place))
    if file and place.isdigit():
        return _Place(file, int(place), 1)
    return None


def _message(text: str) -> str:
    return line(text, 800).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
