from __future__ import annotations

import shlex
from pathlib import Path

from harness.run import read_inputs

PLAN = """
target: http://127.0.0.1:9
journeys: {chat: {model: m}}
arrivals: {seed: 3, segments: [{phase: peak, hold: 50/s, for: 40s}]}
slo: {slos: ["errors < 1%"]}
profiles: {ci: {title: in a pipeline}}
"""


def test_the_command_that_does_it_again_says_all_that_this_one_said(tmp_path: Path) -> None:
    path = tmp_path / "a plan.yaml"
    path.write_text(PLAN)
    sets = ["title=two words", "arrivals.segments[0].hold=60/s"]
    inputs = read_inputs(path, sets=sets, profile="ci", seed=7, owned=True)
    words = shlex.split(inputs.command("run"))
    assert words[:3] == ["peakproof", "run", str(path)]
    assert words[3:] == [
        "--profile", "ci", "--set", sets[0], "--set", sets[1], "--i-own-this-target", "--seed", "7",
    ]  # fmt: skip


def test_a_plain_run_is_repeated_plainly(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    assert read_inputs(path).command("run") == f"peakproof run {path} --seed 3"
