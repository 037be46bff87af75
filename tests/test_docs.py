"""The commands that the documentation shows are run as they stand, in a folder of their own."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from harness.cli.app import main

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^\s*```console(?P<mark>[^\n]*)\n(?P<body>.*?)^\s*```", re.M | re.S)
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "```console" in path.read_text("utf-8"))


def commands(page: Path, *, long: bool) -> list[list[str]]:
    found = []
    for block in BLOCK.finditer(page.read_text("utf-8")):
        if ("long" in block["mark"]) is long:
            found += [shlex.split(line.strip()[2:]) for line in block["body"].splitlines() if line.strip()]
    return found


def test_there_is_something_to_run() -> None:
    assert sum(len(commands(page, long=False)) for page in PAGES) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_work(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("examples", "drills"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    for command in commands(page, long=False):
        assert command[0] == "peakproof", command
        # `doctor` speaks of this machine: not ready (3) is an answer, not a mistake of the page.
        assert main(command[1:]) in ((0, 3) if command[1] == "doctor" else (0,)), command
