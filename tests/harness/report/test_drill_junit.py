from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as Tree

import pytest

from harness.report import Report, drill_junit
from tests.harness.report.drills_on_paper import CASES, NAMED, hostile


def cases(text: str) -> dict[str, list[str]]:
    """name -> the marks of its case."""
    root = Tree.fromstring(text)
    return {
        case.get("name", ""): [mark.tag for mark in case if mark.tag != "system-out"] for case in root.iter("testcase")
    }


@pytest.mark.parametrize("name", NAMED)
def test_the_file_as_written(name: str, reports: dict[str, Report], golden: Callable[[str, str], None]) -> None:
    golden(f"drill-junit-{name}.xml", drill_junit(CASES[name](reports["pass"])))


@pytest.mark.parametrize("name", NAMED)
def test_only_held_is_green(name: str, reports: dict[str, Report]) -> None:
    text = drill_junit(CASES[name](reports["pass"]))
    suite = Tree.fromstring(text).find("testsuite")
    assert suite is not None
    counts = {tag: int(suite.attrib[tag]) for tag in ("failures", "errors", "skipped", "tests")}
    marks = [mark for found in cases(text).values() for mark in found]
    assert counts["tests"] == len(suite.findall("testcase"))
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert counts[attribute] == marks.count(tag)
    assert (not marks) == (name == "held")


def test_a_missed_expectation_fails_and_one_that_is_not_known_is_an_error(reports: dict[str, Report]) -> None:
    found = cases(drill_junit(CASES["did-not-hold"](reports["pass"])))
    assert found["degraded mode begins"] == found["success in degraded mode"] == found["recovered"] == ["failure"]
    assert found["retry amplification"] == ["error"]


def test_a_drill_that_did_not_run_is_skipped(reports: dict[str, Report]) -> None:
    assert [*cases(drill_junit(CASES["not-run"](reports["pass"]))).values()] == [["skipped"]]


def test_a_fault_that_may_still_be_there_is_an_error_with_the_command(reports: dict[str, Report]) -> None:
    text = drill_junit(CASES["still-active"](reports["pass"]))
    assert cases(text)["rollback"] == ["error"] and "clear it: peakproof drill rollback" in text


def test_hostile_names_stay_text(reports: dict[str, Report]) -> None:
    root = Tree.fromstring(drill_junit(hostile(reports["pass"])))
    assert {e.tag for e in root.iter()} <= {"testsuites", "testsuite", "testcase", "failure", "error", "system-out"}
