from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.run.capacity import Effort, search_for
from harness.run.capacity_forewarning import forewarnings
from harness.run.inputs import Inputs, read_inputs

PLAN = """
target: tools
journeys: {call: {kind: tool}}
arrivals: {seed: 5, segments: [{phase: peak, hold: 30/s, for: 20s}]}
upstreams: {tools: {mock: tools, rps: 60}}
slo: {slos: ["SLO"]}
"""


def inputs_of(folder: Path, slo: str) -> Inputs:
    (folder / "plan.yaml").write_text(PLAN.replace("SLO", slo))
    return read_inputs(folder / "plan.yaml", environ={})


def said(folder: Path, slo: str, effort: Effort) -> str:
    inputs = inputs_of(folder, slo)
    return "\n".join(forewarnings(search_for(inputs, effort)[0], inputs))


def test_promises_that_a_short_step_cannot_show_are_named_with_what_to_do(tmp_path: Path) -> None:
    text = said(tmp_path, "errors < 0.5%", Effort(short=True, start_per_s=20, end_per_s=40))
    assert "a step of 12 s at 20/s can prove nothing" in text
    assert "`errors < 0.5%` needs 1,095 requests even where none is bad, and gets 240" in text
    assert "nor does one at 40/s" in text and "--step 60s" in text and "--profile smoke" in text


def test_a_higher_rate_that_could_pass_is_not_called_hopeless(tmp_path: Path) -> None:
    text = said(tmp_path, "errors < 0.5%", Effort(short=True, start_per_s=20, end_per_s=200))
    assert "can prove nothing" in text and "nor does one" not in text


def test_too_few_requests_for_stability_are_said_too(tmp_path: Path) -> None:
    assert "whether a queue grows needs 100 requests" in said(
        tmp_path, "errors < 30%", Effort(short=True, start_per_s=5)
    )


@pytest.mark.parametrize("effort", [Effort(), Effort(short=True, start_per_s=40)])
def test_nothing_is_said_where_a_step_can_pass(tmp_path: Path, effort: Effort) -> None:
    assert said(tmp_path, "errors < 3%", effort) == ""


def test_a_step_that_can_never_prove_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rate would ever be proven"):
        search_for(inputs_of(tmp_path, "errors < 3%"), Effort(step_s=9.0))
