"""The catalogue, run for real in its short form: each drill holds, and does not hold once its weakness is switched on.

Three of them by default; all with PEAKPROOF_DRILLS=all, some with PEAKPROOF_DRILLS=04,23. `make drills` runs them all
as well, and prints a table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("harness.cli.drill")  # the command is built beside the catalogue
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

FOLDER = Path(__file__).parents[2] / "drills"
EVERY_DAY = "10,18,29"
TRIES = 3
"""A machine that was busy with something else makes a run INVALID (exit 5), which says nothing about the drill."""
HELD, MISSED, INVALID = 0, 98, 5


def chosen() -> list[Path]:
    wanted = os.environ.get("PEAKPROOF_DRILLS", EVERY_DAY)
    files = sorted(FOLDER.glob("[0-9]*.yaml"))
    return files if wanted == "all" else [path for path in files if path.name[:2] in wanted.split(",")]


def drill(path: Path, runs: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-c", "import sys; from harness.cli.app import main; sys.exit(main())"]
    for _ in range(TRIES):
        run = subprocess.run(
            [*command, "drill", "run", str(path), "--short", "--json", "--runs", str(runs), *arguments],
            capture_output=True,
            text=True,
            timeout=80,
            check=False,
        )
        if run.returncode != INVALID:
            break
    return run.returncode, json.loads(run.stdout) if run.stdout.strip() else {}, run.stderr


@pytest.mark.parametrize("path", chosen(), ids=lambda path: path.stem)
def test_it_holds(path: Path, tmp_path: Path) -> None:
    code, document, said = drill(path, tmp_path)
    assert code == HELD, (document, said)


@pytest.mark.parametrize("path", chosen(), ids=lambda path: path.stem)
def test_with_its_weakness_it_does_not(path: Path, tmp_path: Path) -> None:
    code, document, said = drill(path, tmp_path, "--weak")
    assert code == MISSED, (document, said)
