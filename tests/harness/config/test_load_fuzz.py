"""Whatever a plan file holds, it is read or refused in words: never a traceback, never a half-read plan."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.config import Plan, load_plan, plan_hash
from harness.config.check import check_file
from harness.config.starter import TEMPLATES, starter_files
from harness.errors import UsageError

SPICE = ["{", "}", "[", "]", ":", "- ", '"', "'", "&a ", "*a", "<<: ", "!!int ", "${X}", "${env:K}", "\t", "\n", "0",
         "-1", "1e999", ".inf", "null", "true", "%", "@", "|\n", "2h", "10/s", "\u0000", "\u202e", "#"]  # fmt: skip


def damaged(text: str, seed: int) -> str:
    """`text` after a few random edits: characters cut or put in, lines dropped, doubled or swapped."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 4)):
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[at])
        elif kind == 2:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            position = rng.randint(0, len(lines[at]))
            cut = rng.randint(0, 3) if kind == 3 else 0
            lines[at] = lines[at][:position] + rng.choice(SPICE) + lines[at][position + cut :]
        text = "\n".join(lines) or " "
    return text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(TEMPLATES), st.integers(0, 2**32), st.booleans())
def test_a_damaged_plan_is_read_or_refused(template: str, seed: int, slo_too: bool) -> None:
    files = starter_files(template)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plan.yaml").write_text(damaged(files["plan.yaml"], seed))
        (folder / "slo.yaml").write_text(damaged(files["slo.yaml"], seed + 1) if slo_too else files["slo.yaml"])
        try:
            plan = load_plan(folder / "plan.yaml", environ={})
        except UsageError as error:
            assert all(problem.what and problem.file for problem in error.problems)
        else:
            assert isinstance(plan, Plan)
            assert len(plan_hash(plan)) == 64
        check_file(folder / "plan.yaml", {})


@settings(max_examples=60, deadline=None)
@given(
    st.text("abs.[]0=-/ {}'\"é\t", max_size=30),
    st.sampled_from(["", "arrivals.seed=", "slo.slos[0]=", "limits=", "target="]),
)
def test_any_set_is_applied_or_refused(text: str, path: str) -> None:
    files = starter_files("chat")
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            (Path(name) / file).write_text(content)
        try:
            load_plan(Path(name) / "plan.yaml", [path + text], environ={})
        except UsageError as error:
            assert error.problems


@pytest.mark.parametrize("value", ["1e999", ".inf", "-.inf", ".nan", "99999999999999999999", "-1"])
@pytest.mark.parametrize(
    "field", ["arrivals.rate_scale", "limits.requests", "journeys.chat.weight", "processes", "arrivals.seed"]
)
def test_numbers_out_of_this_world_are_refused(tmp_path: Path, field: str, value: str) -> None:
    for file, content in starter_files("chat").items():
        (tmp_path / file).write_text(content)
    with pytest.raises(UsageError):
        load_plan(tmp_path / "plan.yaml", [f"{field}={value}"], environ={})
