from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as Tree

from harness.report import Report, junit


def test_the_file_as_written(named_report: tuple[str, Report], golden: Callable[[str, str], None]) -> None:
    name, report = named_report
    golden(f"junit-{name}.xml", junit(report))


def test_only_a_pass_is_green(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    suite = Tree.fromstring(junit(report)).find("testsuite")
    assert suite is not None
    red = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    assert (red == 0) == (report.verdict.word.value == "PASS")
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))


def test_undecided_and_no_data_are_errors_and_missed_is_a_failure(reports: dict[str, Report]) -> None:
    def marks(name: str) -> set[tuple[str, str]]:
        root = Tree.fromstring(junit(reports[name]))
        return {
            (mark.tag, mark.get("type", ""))
            for case in root.iter("testcase")
            for mark in case
            if mark.tag != "system-out"
        }

    assert ("failure", "MISSED") in marks("fail")
    assert ("error", "UNDECIDED") in marks("inconclusive")
    assert {("error", "NO_DATA"), ("error", "broken")} <= marks("invalid")


def test_a_warning_is_skipped_not_failed(reports: dict[str, Report]) -> None:
    verdict = reports["fail"].verdict
    warned = replace(verdict, checks=tuple(replace(c, gate="warn") for c in verdict.checks))
    root = Tree.fromstring(junit(replace(reports["fail"], verdict=warned)))
    missed = [c for c in root.iter("testcase") if c.get("name") == "errors < 3%"]
    assert [mark.tag for mark in missed[0]] == ["skipped", "system-out"]


def test_hostile_names_stay_text(hostile: Report) -> None:
    root = Tree.fromstring(junit(hostile))
    assert {e.tag for e in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped", "system-out",
    }  # fmt: skip
