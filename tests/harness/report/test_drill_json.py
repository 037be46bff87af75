from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from harness.report import Report, drill_document
from tests.harness.report.drills_on_paper import CASES, NAMED, hostile


@pytest.mark.parametrize("name", NAMED)
def test_the_document_as_written(name: str, reports: dict[str, Report], golden: Callable[[str, str], None]) -> None:
    text = json.dumps(drill_document(CASES[name](reports["pass"])), indent=2, allow_nan=False)
    golden(f"drill-{name}.json", text + "\n")


def test_never_and_unknown_are_null_and_no_numbers_are_no_object(reports: dict[str, Report]) -> None:
    numbers = drill_document(CASES["did-not-hold"](reports["pass"]))["numbers"]
    assert numbers["time_to_degraded_s"] is None and numbers["amplification"] is None and numbers["metastable"]
    assert numbers["silent_degraded"]["n"] == 0
    assert drill_document(CASES["not-run"](reports["pass"]))["numbers"] is None


def test_the_exit_code_is_that_of_the_worst(reports: dict[str, Report]) -> None:
    codes = {name: drill_document(CASES[name](reports["pass"]))["exit_code"] for name in NAMED}
    assert codes == {"held": 0, "did-not-hold": 98, "not-run": 3, "still-active": 97, "invalid": 5}


def test_hostile_names_are_data(reports: dict[str, Report]) -> None:
    document = drill_document(hostile(reports["pass"]))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
