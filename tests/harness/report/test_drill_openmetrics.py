from __future__ import annotations

import math

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.report import DrillReport, Report, drill_openmetrics
from tests.harness.drill.planted import World
from tests.harness.report.drilled import CASES, QUOTA, reported, told


def values(report: DrillReport) -> dict[str, float]:
    families = list(text_string_to_metric_families(drill_openmetrics(report)))  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples]
    return {
        " ".join([s.name, *(v for k, v in s.labels.items() if k not in ("drill", "target"))]): s.value for s in samples
    }


@pytest.mark.parametrize("name", [*CASES, "hostile"])
def test_the_result_is_one_of_its_words(reports: dict[str, Report], name: str) -> None:
    report = reported(reports, name)
    found = values(report)
    words = {key.split(" ", 1)[1] for key, on in found.items() if key.startswith("peakproof_drill_result ") and on}
    assert words == {report.verdict.word.value}
    assert found["peakproof_drill_rollback_confirmed"] == float(name not in ("not_rolled_back", "hostile"))


def test_a_time_that_never_came_is_infinite_and_what_was_not_measured_is_absent(reports: dict[str, Report]) -> None:
    never = values(told(reports["fail"], QUOTA, World(delay_s=math.inf)))
    assert never["peakproof_drill_time_to_degraded_seconds"] == math.inf
    assert never["peakproof_drill_expectation_held degraded mode begins"] == 0
    not_run = values(reported(reports, "not_run"))
    assert not any("time_to" in name or "expectation" in name for name in not_run)
