"""The lie detector for real: each defect planted in a run of the command line, each with the verdict that must follow.

Here are the representative few; `make lies` tries every row.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.run.selftest import Finding, Lie, chosen, try_all

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
ROWS = chosen([], core=True)
JOBS = 3


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    folder: Path = tmp_path_factory.mktemp("lies")
    return {finding.lie.row: finding for finding in try_all(ROWS, folder, JOBS)}


@pytest.mark.parametrize("lie", ROWS, ids=lambda lie: f"{lie.row}-{lie.planted[:40].replace(' ', '-')}")
def test_a_lie_is_caught(lie: Lie, findings: dict[str, Finding]) -> None:
    finding = findings[lie.row]
    if finding.skipped:
        pytest.skip(finding.trouble)
    assert finding.ok, f"{lie.planted}: {finding.trouble}"


def test_the_detector_itself_can_say_not_caught(tmp_path: Path) -> None:
    """A healthy run, of which a FAIL is expected: the table must not say ok."""
    (wrong,) = try_all([Lie("0", "nothing at all", ("FAIL",), seconds=3)], tmp_path, 1)
    assert not wrong.ok and wrong.trouble
