from __future__ import annotations

import json
import re
from dataclasses import replace

from harness.report import Report
from harness.report.annotations import ANNOTATIONS_MAX, github_annotations, gitlab_code_quality

COMMAND = re.compile(r"::(error|warning|notice) (?:file=([^,:]+),line=(\d+),col=(\d+),)?title=([^,:]*)::([^\r\n]*)")


def test_findings_stand_at_the_slos_own_line(reports: dict[str, Report]) -> None:
    parsed = [COMMAND.fullmatch(c) for c in github_annotations(reports["fail"])]
    assert all(parsed)
    places = [(m[1], m[2], m[3], m[4]) for m in parsed if m]
    assert places == [("error", "slo.yaml", "5", "5"), ("error", "slo.yaml", "3", "5")]


def test_what_is_met_is_not_annotated(reports: dict[str, Report]) -> None:
    assert github_annotations(reports["pass"]) == []
    assert json.loads(gitlab_code_quality(reports["pass"])) == []


def test_at_most_ten_and_the_rest_is_counted(reports: dict[str, Report]) -> None:
    verdict = reports["fail"].verdict
    many = replace(
        reports["fail"],
        verdict=replace(verdict, checks=tuple(replace(verdict.checks[1], source="") for _ in range(40))),
    )
    commands = github_annotations(many)
    assert len(commands) == ANNOTATIONS_MAX
    assert "31 more findings" in commands[-1]
    assert len(json.loads(gitlab_code_quality(many))) == 40


def test_a_name_cannot_end_its_command(hostile: Report) -> None:
    for command in github_annotations(hostile):
        assert COMMAND.fullmatch(command), command
    for issue in json.loads(gitlab_code_quality(hostile)):
        assert issue["location"]["lines"]["begin"] >= 1
        assert len(issue["fingerprint"]) == 64


def test_a_file_name_with_colons_is_kept_whole(reports: dict[str, Report]) -> None:
    verdict = reports["fail"].verdict
    checks = (
        replace(verdict.checks[1], source="C:/plans/slo.yaml:7:3"),
        replace(verdict.checks[2], source="slo.yaml:9"),
    )
    report = replace(reports["fail"], verdict=replace(verdict, checks=checks))
    issues = {i["location"]["path"]: i["location"]["lines"]["begin"] for i in json.loads(gitlab_code_quality(report))}
    assert issues == {"C:/plans/slo.yaml": 7, "slo.yaml": 9}
