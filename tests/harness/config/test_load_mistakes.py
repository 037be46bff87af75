"""The mistakes people make, and exactly what they are told. Rewrite the expected texts with `--update-golden`."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.check import check_file
from harness.guard import redact

MISTAKES = Path(__file__).parent / "mistakes"


@pytest.mark.parametrize("path", sorted(MISTAKES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_mistake_is_answered(path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(MISTAKES)
    checked = check_file(path.name, {})
    told = "".join(f"{redact(str(problem))}\n" for problem in checked.problems)
    expected = path.with_suffix(".txt")
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(told)
    assert told == expected.read_text()
    assert all(problem.line > 0 for problem in checked.problems)
    assert "s3cretvalue99" not in told


def test_there_are_enough_of_them() -> None:
    assert len(list(MISTAKES.glob("*.yaml"))) >= 20
    assert {path.stem for path in MISTAKES.glob("*.yaml")} == {path.stem for path in MISTAKES.glob("*.txt")}
