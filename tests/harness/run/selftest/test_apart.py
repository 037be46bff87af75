"""Rows in a namespace of their own: skipped with the reason where that cannot be, never called ok."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.run.selftest import Lie, apart
from harness.run.selftest.lie import Apart

LOSSY = Lie("47", "a lossy path", ("INVALID",), ("path",), apart=Apart(("nft add table inet path",)))


def test_the_tools_are_those_of_its_commands() -> None:
    assert Apart(("tc a", "ip b", "tc c")).tools == ("unshare", "tc", "ip")


def test_a_missing_tool_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(apart.shutil, "which", lambda tool: None if tool == "nft" else tool)
    finding = apart.try_apart(LOSSY, tmp_path)
    assert finding.skipped and not finding.ok and finding.trouble == "nft is not installed"


class Runs:
    """Stands for `subprocess.run`: the first call asks for a namespace, the second tries the row."""

    def __init__(self, *results: tuple[int, str, str]) -> None:
        self._results = list(results)
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        code, out, err = self._results.pop(0)
        return subprocess.CompletedProcess(command, code, out, err)


def attempt(monkeypatch: pytest.MonkeyPatch, folder: Path, *results: tuple[int, str, str]) -> Any:
    monkeypatch.setattr(apart.shutil, "which", lambda tool: tool)
    monkeypatch.setattr(apart.subprocess, "run", Runs(*results))
    return apart.try_apart(LOSSY, folder)


def test_a_kernel_that_gives_no_namespace_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    finding = attempt(monkeypatch, tmp_path, (1, "", "unshare failed: Operation not permitted\n"))
    assert finding.skipped and "Operation not permitted" in finding.trouble


def test_a_namespace_that_cannot_be_shaped_is_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    finding = attempt(monkeypatch, tmp_path, (0, "", ""), (1, "", "Traceback\nOSError: no such qdisc\n"))
    assert finding.skipped and "no such qdisc" in finding.trouble


def test_what_came_of_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = '{"got": "PASS", "trouble": "said PASS (no verdict)", "skipped": false, "reasons": []}'
    finding = attempt(monkeypatch, tmp_path, (0, "", ""), (0, said, ""))
    assert (finding.got, finding.trouble, finding.skipped, finding.ok) == (
        "PASS",
        "said PASS (no verdict)",
        False,
        False,
    )
