from __future__ import annotations

import json
from pathlib import Path

from harness.run.calls import read_calls
from harness.store import RunFolder


def write_log(tmp_path: Path, *lines: str) -> RunFolder:
    folder = RunFolder(tmp_path, "r1")
    folder.mocks.mkdir(parents=True)
    folder.mocks_log.write_text("\n".join(lines) + "\n")
    return folder


def entry(service: str, seq: str, started_s: float) -> str:
    fields = {"service": service, "seq": seq, "started_s": started_s, "finished_s": started_s + 0.5, "status": 200}
    return json.dumps(fields)


def test_calls_are_on_the_runs_clock_and_joined_by_seq(tmp_path: Path) -> None:
    folder = write_log(tmp_path, entry("vector", "7", 101.0), entry("llm", "9", 102.0))
    calls = read_calls(folder, 100_000_000_000, {"llm": "openai, tpm 60,000", "other": "x"})
    assert calls is not None
    assert calls.names == ("llm", "vector") and calls.name.tolist() == [1, 0]
    assert calls.seq.tolist() == [7, 9]
    assert calls.started_s.tolist() == [1.0, 2.0] and calls.finished_s.tolist() == [1.5, 2.5]
    assert calls.limits == {"llm": "openai, tpm 60,000"}


def test_calls_of_nobody_and_torn_lines_are_left_out(tmp_path: Path) -> None:
    folder = write_log(tmp_path, entry("llm", "", 1.0), entry("llm", "4", 1.0), '{"service": "ll')
    calls = read_calls(folder, 0, {})
    assert calls is not None and calls.seq.tolist() == [4]


def test_no_log_is_no_evidence(tmp_path: Path) -> None:
    assert read_calls(RunFolder(tmp_path, "r1"), 0, {}) is None


def test_places_of_the_mocks_come_with_their_calls(tmp_path: Path) -> None:
    folder = write_log(tmp_path, entry("vector", "7", 101.0))
    (folder.mocks / "places.json").write_text('{"vector": 8}')
    calls = read_calls(folder, 0, {})
    assert calls is not None and calls.places == {"vector": 8}
