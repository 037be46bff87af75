"""The pipeline templates: parsed by their own schemas, and their shell steps run as the pipeline would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ACTION = ROOT / "deploy" / "github-action" / "action.yml"
TEMPLATE = ROOT / "deploy" / "gitlab" / "peakproof.gitlab-ci.yml"
# Stands in for the command: a run that ends with the code it is told, and leaves what a run leaves.
COMMAND = """#!/bin/bash
printf '%s\\n' "$*" >> "$CALLS"
case "$1" in
  run) [ "$CODE_OF_RUN" = 3 ] || { mkdir -p runs/7f3k && touch runs/7f3k/manifest.json; }; exit "$CODE_OF_RUN" ;;
  report) echo "verdict=FAIL" >> "$GITHUB_OUTPUT" ;;
esac
"""


@pytest.mark.parametrize(
    ("file", "options"),
    [(ACTION, ["vendor.github-actions"]), (TEMPLATE, ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"])],
    ids=["github", "gitlab"],
)
def test_a_file_keeps_its_formats_own_schema(file: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *options, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Pipeline:
    """A folder with the stand-in on its PATH, and a shell as the runners start it: `bash -eo pipefail`."""

    def __init__(self, folder: Path, code: int) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "bin" / "peakproof").write_text(COMMAND)
        (folder / "bin" / "peakproof").chmod(0o755)
        self.outputs, self.calls = folder / "outputs", folder / "calls"
        self.outputs.touch()
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        self.env = {
            "PATH": path,
            "CODE_OF_RUN": str(code),
            "CALLS": str(self.calls),
            "GITHUB_OUTPUT": str(self.outputs),
        }

    def shell(self, script: str, **env: str) -> int:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(command, cwd=self.folder, env={**self.env, **env}, timeout=30, check=False).returncode

    def output(self, name: str) -> str:
        pairs = [line.split("=", 1) for line in self.outputs.read_text().splitlines()]
        return dict(pairs).get(name, "")


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    return found


@pytest.mark.parametrize("code", [0, 99, 4, 5, 3])
def test_the_actions_steps_carry_the_verdict_to_the_job(code: int, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, code)
    run, report, _, gate = steps()
    assert pipeline.shell(run["run"], PLAN="a plan.yaml", PROFILE="ci", ARGUMENTS="--seed 7 --i-own-this-target") == 0
    assert pipeline.output("code") == str(code)
    if str(code) in report["if"]:
        assert pipeline.shell(report["run"]) == 0
        assert pipeline.output("folder") == "runs/7f3k"
        assert pipeline.output("verdict") == "FAIL"
    fail_on = yaml.safe_load(ACTION.read_text())["inputs"]["fail-on"]["default"]
    assert pipeline.shell(gate["run"], CODE=str(code), FAIL_ON=fail_on) == code
    assert pipeline.shell(gate["run"], CODE="4", FAIL_ON="99 5 2 3 130 1") == 0
    calls = pipeline.calls.read_text().splitlines()
    assert calls[0] == "run a plan.yaml --profile ci --seed 7 --i-own-this-target"
    assert len(calls) == (1 if code == 3 else 2)


def test_without_a_profile_none_is_asked_for(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, 0)
    assert pipeline.shell(steps()[0]["run"], PLAN="plan.yaml", PROFILE="", ARGUMENTS="") == 0
    assert pipeline.calls.read_text() == "run plan.yaml\n"


@pytest.mark.parametrize("code", [0, 99, 4, 5, 3])
def test_the_gitlab_job_ends_with_the_runs_own_code(code: int, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path, code)
    script = "\n".join(yaml.safe_load(TEMPLATE.read_text())[".peakproof"]["script"])
    assert pipeline.shell(script, PLAN="plan.yaml", ARGUMENTS="--profile ci") == code
    calls = pipeline.calls.read_text().splitlines()
    assert calls[0] == "run plan.yaml --profile ci"
    assert [call.split()[0] for call in calls[1:]] == ([] if code == 3 else ["report"])
