from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest

from harness.report import Report, drill_junit, junit
from tests.harness.report.drilled import CASES, reported
from tests.harness.report.junit_schema import SCHEMA, breaches


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


def files(reports: dict[str, Report]) -> dict[str, str]:
    runs = {f"run-{name}": junit(report) for name, report in reports.items()}
    return runs | {f"drill-{name}": drill_junit(reported(reports, name)) for name in [*CASES, "hostile"]}


def test_runs_and_drills_are_by_the_schema(reports: dict[str, Report]) -> None:
    assert {name: breaches(text) for name, text in files(reports).items() if breaches(text)} == {}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('time="0"', "", "testcase lacks time"),
        ('time="0"', 'time="soon"', "is no xs:decimal"),
        ('time="0"', 'time="0" file="slo.yaml"', "no attribute file"),
        ("<system-out>", "<failure type='x'/><system-out>", "testcase holds"),
        ("<testcase ", "<system-err/><testcase ", "testsuite holds"),
        ("testsuites>", "suites>", "the root is suites"),
    ],
)
def test_what_is_not_by_the_schema_is_found(reports: dict[str, Report], old: str, new: str, says: str) -> None:
    text = junit(reports["fail"]).replace(old, new)
    assert any(says in breach for breach in breaches(text)), breaches(text)


@pytest.mark.skipif(not shutil.which("xmllint"), reason="no xmllint here (Debian: libxml2-utils)")
def test_xmllint_says_the_same(reports: dict[str, Report], tmp_path: Path) -> None:
    for name, text in files(reports).items():
        (tmp_path / f"{name}.xml").write_text(text)
    command = ["xmllint", "--noout", "--schema", str(SCHEMA), *map(str, sorted(tmp_path.glob("*.xml")))]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).returncode == 0
