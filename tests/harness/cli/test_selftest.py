"""The table says what was caught, what was not, and what could not be tried: none of them in another's place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.cli.app import main
from harness.run import selftest
from harness.run.selftest import Finding


@pytest.fixture(autouse=True)
def _tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def try_all(lies: Any, folder: Any, jobs: int) -> Iterator[Finding]:
        caught, missed, untried = lies
        yield Finding(caught, "FAIL", "", reasons=("errors < 5%",))
        yield Finding(missed, "PASS", "said PASS (no reason)")
        yield Finding(untried, "-", "nft is not installed", skipped=True)

    monkeypatch.setattr(selftest, "try_all", try_all)


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["peakproof", "selftest", "--rows", "30a,33,47", *words])
    code = main()
    out, err = capsys.readouterr()
    return code, out, err


def test_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(monkeypatch, capsys)
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert lines["30a"].endswith("ok (errors < 5%)")
    assert lines["33"].endswith("NOT CAUGHT: said PASS (no reason)")
    assert lines["47"].endswith("skipped: nft is not installed")
    assert "1 of 3 rows as expected, 1 could not be tried here" in out + err
    assert code == 1


def test_the_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(monkeypatch, capsys, "--json")
    assert [(row["row"], row["ok"], row["skipped"]) for row in json.loads(out)] == [
        ("30a", True, False),
        ("33", False, False),
        ("47", False, True),
    ]
    assert code == 1
