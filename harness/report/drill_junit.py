"""A drill as JUnit XML: one case for its word, one an expectation. What is not known is an error, never a pass."""

from __future__ import annotations

from xml.etree import ElementTree as Tree

from harness.drill import Kept, Word
from harness.report.drill_model import DrillReport
from harness.report.plain import line, visible
from harness.report.secrets import without_secrets


def drill_junit(report: DrillReport) -> str:
    """One test suite. DID NOT HOLD and a missed expectation are failures, NOT RUN is skipped, the rest are errors."""
    report = without_secrets(report)
    verdict = report.verdict
    suite = Tree.Element("testsuite", name=line(f"peakproof drill {report.drill.title}"))
    if report.run.started is not None:
        suite.set("timestamp", report.run.started.strftime("%Y-%m-%dT%H:%M:%S"))
    kinds = {Word.HELD: "", Word.DID_NOT_HOLD: "failure", Word.NOT_RUN: "skipped", Word.INVALID: "error"}
    _case(suite, "drill", report.drill.title, f"{verdict.word.value}: {verdict.why}", kinds[verdict.word])
    if not verdict.rollback_confirmed:
        _case(suite, "drill", "rollback", f"{report.against}; clear it: {verdict.rollback_command}", "error")
    outcomes = {Kept.HELD: "", Kept.MISSED: "failure", Kept.NO_DATA: "error"}
    for e in verdict.expectations:
        told = f"measured {e.measured}, expected {e.limit}" + (f" ({e.note})" if e.note else "")
        _case(suite, "drill.expect", e.name, told, outcomes[e.kept])
    for tag in ("failure", "error", "skipped"):
        suite.set(f"{tag}s" if tag != "skipped" else tag, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    root = Tree.Element("testsuites")
    root.append(suite)
    Tree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Tree.tostring(root, encoding="unicode") + "\n"


def _case(suite: Tree.Element, kind: str, name: str, told: str, outcome: str) -> None:
    case = Tree.SubElement(suite, "testcase", classname=f"peakproof.{kind}", name=line(name), time="0")
    if outcome:
        mark = Tree.SubElement(case, outcome, message=line(told, 1000))
        if outcome != "skipped":
            mark.set("type", outcome)
    Tree.SubElement(case, "system-out").text = visible(told[:2000])
