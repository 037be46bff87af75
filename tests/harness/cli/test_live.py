from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import config
from harness.analysis import parse_slo
from harness.cli.live import STOPPING, Live
from harness.engine import Progress
from harness.report import LIVE_HEIGHT
from harness.results import RESULT_DTYPE, SpoolWriter
from harness.run.planning import Load, plan_load
from harness.store import RunFolder

PLAN = """
target: http://127.0.0.1:9
journeys: {chat: {model: m}}
arrivals: {segments: [{phase: warm, hold: 5/s, for: 4s}, {phase: peak, hold: 10/s, for: 60s}]}
slo: {slos: ["e2e p95 <= 2s"]}
"""
SLOS = (parse_slo("e2e p95 <= 2s"), parse_slo("errors < 1%"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "plan.yaml").write_text(PLAN)
    return plan_load(config.load_plan(tmp_path / "plan.yaml", environ={}), None, None, {}, seed=1)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path, "7f3k")
    made.engine.mkdir(parents=True)
    return made


def write(spool: SpoolWriter, due_s: float, latency_s: float, phase: int, count: int) -> None:
    zero = dict.fromkeys(RESULT_DTYPE.names or (), 0)
    due = int(due_s * 1e9)
    times = {"due_ns": due, "sent_ns": due, "finished_ns": due + int(latency_s * 1e9)}
    for _ in range(count):
        spool.add(*(zero | times | {"phase": phase}).values())
    spool.flush()


def progress(elapsed_s: float, state: str = "running", **more: object) -> Progress:
    return Progress(state, elapsed_s, planned=620, fired=int(10 * elapsed_s), workers=1, workers_alive=1, **more)  # type: ignore[arg-type]


def on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, **environ: str) -> Live:
    for name in ("CI", "NO_COLOR", "TERM", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm", "COLUMNS": "100", "LINES": "40"} | environ).items():
        monkeypatch.setenv(name, value)
    clock = iter(np.arange(0.0, 1e6, 0.5).tolist())
    return Live(stream, SLOS, lambda: next(clock))


def shown(
    monkeypatch: pytest.MonkeyPatch, folder: RunFolder, load: Load, warm: dict[str, Any], peak: dict[str, Any]
) -> str:
    """What a terminal gets of two moments, one in each stage, whose answers took so long."""
    stream = Terminal()
    spool = SpoolWriter(folder.spool(0), 0)
    with on(stream, monkeypatch) as live:
        live.opened(folder)
        write(spool, 1.0, warm["taken_s"], phase=0, count=warm["count"])
        live.watch(progress(2.0), load)
        write(spool, 5.0, peak["taken_s"], phase=1, count=peak["count"])
        live.watch(progress(6.0), load)
    spool.close()
    return stream.getvalue()


def test_a_terminal_gets_one_block_that_is_redrawn_in_place(
    load: Load, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = ({"taken_s": 0.5, "count": 10}, {"taken_s": 3.0, "count": 10})
    frames = re.split(r"\x1b\[\d+A\r", shown(monkeypatch, folder, load, *stages))
    assert len(frames) == 2
    assert [frame.count("\x1b[2K") for frame in frames] == [LIVE_HEIGHT, LIVE_HEIGHT]
    assert re.search("\u2713 e2e p95 +50\\d ms", frames[0])
    assert re.search("\u2717 e2e p95 +", frames[1])


def test_values_are_those_of_the_stage_not_since_the_start(
    load: Load, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = ({"taken_s": 9.0, "count": 100}, {"taken_s": 0.1, "count": 5})
    warm, peak = re.split(r"\x1b\[\d+A\r", re.sub(r"\x1b\[\d*m", "", shown(monkeypatch, folder, load, *stages)))
    assert "\u2717 e2e p95" in warm and "\u2713 e2e p95" in peak


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"TERM": "dumb"}, {"LINES": "8"}])
def test_elsewhere_it_is_plain_lines_one_a_stage_and_one_a_minute(
    load: Load, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    stream = Terminal()
    with on(stream, monkeypatch, **environ) as live:
        for half_seconds in range(1, 128):
            live.watch(progress(half_seconds / 2), load)
        live.watch(progress(64.0, "draining"), load)
        live.watch(progress(65.0, "done"), load)
    assert "\x1b[2K" not in stream.getvalue() and "\x1b[1A" not in stream.getvalue()
    lines = stream.getvalue().splitlines()
    assert 4 <= len(lines) <= 6
    assert [line.split("]")[0] for line in lines[:2]] == ["[0:00", "[0:04"]


def test_the_first_ctrl_c_says_what_is_waited_for_and_that_a_second_ends_it(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal()
    with on(stream, monkeypatch) as live:
        live.watch(progress(6.0), load)
        live.watch(progress(6.2, "draining", detail="stopped by SIGINT"), load)
    assert STOPPING[:40] in stream.getvalue()
    assert "Ctrl-C again" in STOPPING


def test_between_two_frames_nothing_is_drawn(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    times = iter([0.0, 0.1, 0.2, 0.5])
    live = on(stream, monkeypatch)
    live._clock = lambda: next(times)
    for elapsed_s in (1.0, 1.1, 1.2, 1.5):
        live.watch(progress(elapsed_s), load)
    assert stream.getvalue().count("\x1b[2K") == 2 * LIVE_HEIGHT
