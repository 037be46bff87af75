from __future__ import annotations

import re
from dataclasses import replace

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.report import Report
from harness.report.openmetrics import openmetrics

SAMPLE = re.compile(
    r'(?P<name>[a-z_:][a-z0-9_:]*)\{(?P<labels>(?:[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (?P<value>\S+)'
)


def parsed(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Families by name, as the OpenMetrics text format has it: TYPE first, samples of a family together, EOF last."""
    lines = text.splitlines()
    assert lines[-1] == "# EOF"
    families: dict[str, list[tuple[dict[str, str], float]]] = {}
    types: dict[str, str] = {}
    current = ""
    for row in lines[:-1]:
        if row.startswith("# TYPE "):
            _, _, current, kind = row.split(" ")
            assert current not in types, "one family, one block"
            types[current] = kind
            families[current] = []
        elif row.startswith("# UNIT "):
            assert current.endswith("_" + row.split(" ")[3])
        elif row.startswith("# HELP "):
            assert row.split(" ")[2] == current
        else:
            match = SAMPLE.fullmatch(row)
            assert match, row
            assert match["name"] == current + ("_info" if types[current] == "info" else "")
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match["labels"]))
            families[current].append((labels, float(match["value"])))
    return families


def test_the_text_parses_and_tells_the_verdict(named_report: tuple[str, Report]) -> None:
    _, report = named_report
    families = parsed(openmetrics(report))
    states = {labels["peakproof_verdict"]: value for labels, value in families["peakproof_verdict"]}
    assert [name for name, value in states.items() if value] == [report.verdict.word.value]
    assert sum(v for _, v in families["peakproof_arrivals"]) == sum(report.verdict.outcomes.values())


def test_what_is_unknown_is_absent_not_zero(reports: dict[str, Report]) -> None:
    families = parsed(openmetrics(reports["invalid"]))
    assert "peakproof_headroom_ratio" not in families
    assert "peakproof_capacity_rps" not in families
    slos = [labels["slo"] for labels, _ in families["peakproof_slo_met"]]
    assert "tpot p95 <= 60ms" not in slos, "no data is neither met nor missed"


def test_a_quantile_that_failures_took_away_is_infinite(reports: dict[str, Report]) -> None:
    values = {labels["slo"]: v for labels, v in parsed(openmetrics(reports["fail"]))["peakproof_slo_value_seconds"]}
    assert values["ttft p95 <= 2s"] == float("inf")


def test_hostile_names_stay_inside_their_quotes(hostile: Report) -> None:
    assert parsed(openmetrics(hostile))


def test_prometheus_own_parser_reads_it(named_report: tuple[str, Report], hostile: Report) -> None:
    for report in (named_report[1], hostile):
        families = list(text_string_to_metric_families(openmetrics(report)))  # type: ignore[no-untyped-call]
        assert families
        assert all(family.samples for family in families)
        names = [family.name for family in families]
        assert len(names) == len(set(names))


def test_a_target_that_has_a_lasting_name_goes_by_it(reports: dict[str, Report]) -> None:
    """A label with the port that a mock had in one run would be a new series in every run."""
    report = reports["pass"]
    named = replace(report, run=replace(report.run, target_name="copilot"))
    assert 'target="copilot"' in openmetrics(named) and report.run.target not in openmetrics(named)
    assert f'target="{report.run.target}"' in openmetrics(report)
