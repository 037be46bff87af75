"""JUnit XML: one case for the verdict, one an SLO, one a gate. What is not known is an error, never a pass."""

from __future__ import annotations

from xml.etree import ElementTree as Tree

from harness.analysis import Caveat, Check, State, Word
from harness.report import words
from harness.report.model import Report
from harness.report.order import shown_failures, worst_first
from harness.report.plain import line, visible
from harness.report.summary import needs


def junit(report: Report) -> str:
    """The run as one test suite. A blocking SLO that is missed is a failure; undecided or without data it is an error;
    `warn` and `info` checks and waived or unfed gates are skipped with their message."""
    report, _ = shown_failures(report)
    verdict = report.verdict
    suite = Tree.Element("testsuite", name=_clean(f"peakproof {report.run.target}"))
    if report.run.started is not None:
        suite.set("timestamp", report.run.started.strftime("%Y-%m-%dT%H:%M:%S"))
    properties = Tree.SubElement(suite, "properties")
    for name, value in (
        ("run", report.run.run_id),
        ("plan", report.run.plan_name),
        ("seed", "" if report.run.seed is None else str(report.run.seed)),
        ("repeat", report.run.repeat),
        ("smoke", str(verdict.smoke).lower()),
    ):
        Tree.SubElement(properties, "property", name=name, value=_clean(value))
    whole = _case(suite, "verdict", "verdict", f"{report.title_word}: {verdict.headline}")
    if verdict.word is not Word.PASS:
        kind = "failure" if verdict.word is Word.FAIL else "error"
        _mark(whole, kind, verdict.word.value, verdict.why or verdict.headline)
    for check in worst_first(verdict.checks):
        _slo_case(suite, check, ",".join(verdict.judged))
    for caveat in verdict.caveats:
        _gate_case(suite, caveat)
    for tag in ("failure", "error", "skipped"):
        suite.set(f"{tag}s" if tag != "skipped" else tag, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    root = Tree.Element("testsuites")
    root.append(suite)
    Tree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Tree.tostring(root, encoding="unicode") + "\n"


def _slo_case(suite: Tree.Element, check: Check, judged: str) -> None:
    told = (
        f"measured {words.quantity_interval(check.value, check.value_low, check.value_high, check.unit)}, "
        f"limit {words.limit(check.limit, check.unit)}, beyond it {words.beyond(check)}, n {words.sample(check)}"
    )
    # The place is told as text: strict readers (Surefire, Jenkins' xUnit plugin) know no `file` and `line`.
    told = f"{told} ({check.source})" if check.source else told
    case = _case(suite, f"slo.{judged}" if judged else "slo", check.slo, told)
    if check.state is State.MET:
        return
    if check.gate != "block":
        _mark(case, "skipped", check.state.value, f"{check.state.value} ({check.gate} only): {told}")
    elif check.state is State.MISSED:
        _mark(case, "failure", check.state.value, told)
    else:
        _mark(case, "error", check.state.value, "; ".join(part for part in (needs(check), told) if part))


def _gate_case(suite: Tree.Element, caveat: Caveat) -> None:
    if caveat.status == "noted":
        return
    case = _case(suite, "measurement", caveat.kind, caveat.what)
    if caveat.status == "held":
        return
    kind = "skipped" if caveat.status in ("waived", "not_fed") else "error"
    _mark(case, kind, caveat.status, f"{caveat.what} {caveat.advice}")


def _case(suite: Tree.Element, kind: str, name: str, told: str) -> Tree.Element:
    case = Tree.SubElement(suite, "testcase", classname=_clean(f"peakproof.{kind}"), name=_clean(name), time="0")
    Tree.SubElement(case, "system-out").text = visible(told[:2000])
    return case


def _mark(case: Tree.Element, tag: str, kind: str, message: str) -> None:
    attributes = {"message": _clean(message, 1000)} | ({} if tag == "skipped" else {"type": kind})
    # The schema wants the result before the output.
    case.insert(0, Tree.Element(tag, attributes))


def _clean(text: str, limit: int = 300) -> str:
    return line(text, limit)
