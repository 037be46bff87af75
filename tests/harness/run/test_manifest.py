"""Folders of another version: refused in words where rows are read, and never in the way of those that can be."""

from __future__ import annotations

import json
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.errors import EvidenceError, ExitCode
from harness.results import FORMAT, TELEMETRY_HEAD
from harness.run.capacity import Effort, begin, resume
from harness.run.judging import judge_run
from harness.run.manifest import manifest_of
from harness.store import RunFolder
from tests.harness.run.folders import PLAN, inputs_of, rows_of, stored_run


def older(folder: RunFolder) -> RunFolder:
    """What the version before wrote: no format in the job, none before telemetry, format 1 elsewhere."""
    rename(folder.manifest, 1)
    rename(folder.job, None)
    for path in folder.telemetries():
        path.write_bytes(path.read_bytes().removeprefix(TELEMETRY_HEAD))
    return folder


def rename(path: Path, number: int | None) -> None:
    data = json.loads(path.read_text())
    del data["format"]
    path.write_text(json.dumps(data if number is None else {"format": number, **data}))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    inputs = inputs_of(tmp_path / "in")
    found = stored_run(tmp_path / "runs", inputs, rows_of(inputs))
    judge_run(found)
    return found


@pytest.mark.parametrize("number", [1, FORMAT + 1])
def test_another_format_is_refused_in_words(folder: RunFolder, number: int) -> None:
    rename(folder.manifest, number)
    with pytest.raises(
        EvidenceError, match=rf"manifest.json: written by peakproof format {number}, this version reads"
    ):
        judge_run(folder)


@pytest.mark.parametrize("number", [None, 1, FORMAT + 1])
def test_a_job_of_another_format_is_refused_too(folder: RunFolder, number: int | None) -> None:
    rename(folder.job, number)
    with pytest.raises(EvidenceError, match=r"job.json: written by peakproof format .*run it again"):
        judge_run(folder)


def test_a_spool_of_another_format_says_so(folder: RunFolder) -> None:
    path = folder.spool(0)
    data = bytearray(path.read_bytes())
    data[8:10] = (1).to_bytes(2, "little")
    data[16:20] = struct.pack("<I", zlib.crc32(data[:16]))
    path.write_bytes(data)
    told = judge_run(folder, keep=False).verdict
    assert told.exit_code == ExitCode.INVALID
    assert any("written by peakproof format 1, this version reads" in c.what for c in told.caveats), told.caveats


def test_an_old_folder_among_others_is_in_nobodys_way(
    folder: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = inputs_of(tmp_path / "in2")
    old, runs = older(stored_run(folder.root, inputs, rows_of(inputs))), ["--runs", str(folder.root)]
    old.verdict.write_bytes(folder.verdict.read_bytes())
    for path in (old.path, old.spool(0)):
        assert main(["report", str(path)]) == ExitCode.INVALID
        assert "written by peakproof format 1, this version reads" in capsys.readouterr().err
    assert main(["analyze", str(old.path)]) == ExitCode.INVALID
    assert main(["history", "list", *runs]) == 0
    assert {old.run_id, folder.run_id} <= set(capsys.readouterr().out.split())
    assert main(["history", "trend", "e2e", *runs]) == 0
    assert main(["compare", str(old.path), str(folder.path), *runs]) in {0, ExitCode.REFUSED}
    assert main(["report", str(folder.path)]) == 0


FIELDS = (2, "a5d6d4ab")
"""The format, and a checksum of the names it stands for."""


def test_fields_that_change_are_another_format(folder: RunFolder) -> None:
    """Where this fails, the manifest's fields were changed: raise FORMAT by one and record both here."""
    names = sorted(json.loads(folder.manifest.read_text()))
    assert (FORMAT, f"{zlib.crc32(repr(names).encode()):08x}") == FIELDS, names


def test_a_search_of_another_format_is_not_gone_on_with(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path / "in")
    searching = begin(inputs, tmp_path / "runs", Effort(), datetime(2026, 1, 1, tzinfo=UTC), "t")
    resume(inputs, searching.folder.path)
    rename(searching.folder.manifest, 1)
    with pytest.raises(EvidenceError, match="written by peakproof format 1"):
        resume(inputs, searching.folder.path)


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        ("{mock: tools, rps: 5000}", "tools, rps 5,000"),
        ("{mock: tools, settings: {servers: 4, latency_ms: 30}}", "tools, servers 4"),
        ("{mock: tools, settings: {servers: few}}", "tools"),
    ],
)
def test_what_limits_a_mock_is_kept_in_words(tmp_path: Path, upstream: str, said: str) -> None:
    inputs = inputs_of(tmp_path, f"{PLAN}\nupstreams: {{tools: {upstream}}}")
    facts = manifest_of(inputs, "http://127.0.0.1:9", datetime(2026, 1, 1, tzinfo=UTC))
    assert facts["upstreams"] == {"tools": said}
