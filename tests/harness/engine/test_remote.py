"""Workers of other machines: here, processes that know the master's address and the key, and share nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.engine import EngineProcess, launch, read_engine, read_rows
from harness.errors import UsageError
from harness.results import Ledger, Outcome, settle
from tests.harness.engine.flying import arrivals_at, job_with
from tests.harness.engine.responder import responder

KEY = "ab" * 32


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with responder() as url:
        yield url


def start(folder: Path, target: str, seconds: float, **job: object) -> tuple[np.ndarray, EngineProcess, int]:
    """The plan, the engine, and the port it waits at."""
    arrivals = arrivals_at(*np.linspace(0, seconds, int(seconds * 50)))
    np.save(folder / "arrivals.npy", arrivals)
    settings = job_with(target=target, **job)
    engine = launch(settings, folder, folder / "arrivals.npy", {"PEAKPROOF_ENGINE_KEY": KEY})
    for progress in engine.progress():
        if progress.detail.startswith("waiting for"):
            return arrivals, engine, int(progress.detail.rpartition(":")[2])
    raise AssertionError(engine.last)


def worker(folder: Path, port: int, key: str = KEY) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness.engine.node", "join", "127.0.0.1", str(port)],
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "PEAKPROOF_ENGINE_KEY": key, "GEVENT_LOOP": "libev-cext"},
    )


def books(folder: Path, arrivals: np.ndarray) -> Ledger:
    return settle(arrivals, read_rows(folder), read_engine(folder).workers)


@pytest.mark.e2e
def test_local_and_remote_workers_share_one_plan(tmp_path: Path, target: str) -> None:
    (tmp_path / "prompts.jsonl").write_text('"hello"\n')
    arrivals, engine, port = start(
        tmp_path, target, 2.0, processes=1, remote_workers=2, prompts=str(tmp_path / "prompts.jsonl")
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    workers = [worker(elsewhere, port) for _ in range(2)]
    assert engine.wait() == 0
    assert [process.wait(10) for process in workers] == [0, 0]
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert [fact.state for fact in facts.workers] == ["done"] * 3
    assert all(abs(fact.clock_offset_s) < 0.05 for fact in facts.workers)
    assert ledger.balanced, ledger.problems
    assert ledger.rows.damage == ()
    assert ledger.outcomes == {"ok": 100}
    assert (np.bincount(ledger.rows.arrivals()["worker"]) > 30).all()
    assert set(facts.telemetry["worker"].tolist()) == {0, 1, 2}
    assert list(elsewhere.iterdir()) == []


@pytest.mark.e2e
def test_a_remote_worker_that_dies_is_lost_and_a_late_one_is_refused(tmp_path: Path, target: str) -> None:
    arrivals, engine, port = start(tmp_path, target, 4.0, processes=1, remote_workers=1, drain_s=2.0)
    there = worker(tmp_path, port)
    for progress in engine.progress():
        if progress.elapsed_s > 1.2:
            break
    there.kill()
    there.wait()
    late = worker(tmp_path, port)
    assert engine.wait() == 0
    assert late.wait(40) == 3
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert [fact.state for fact in facts.workers] == ["done", "lost"]
    assert any("joined too late" in note for note in facts.notes)
    assert ledger.accounted == 200
    assert ledger.lost == 100
    assert "cannot be read" in ledger.rows.damage[0]


@pytest.mark.e2e
def test_a_remote_worker_takes_over_what_a_lost_one_had_left(tmp_path: Path, target: str) -> None:
    arrivals, engine, port = start(tmp_path, target, 3.0, processes=1, remote_workers=1)
    there = worker(tmp_path, port)
    for progress in engine.progress():
        if progress.elapsed_s > 0.6:
            break
    for process in psutil.Process(engine.pid).children():
        process.kill()
    assert engine.wait() == 0
    assert there.wait(10) == 0
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert [fact.state for fact in facts.workers] == ["lost", "done"]
    assert ledger.accounted == 150
    assert ledger.lost < 60, "what was due before the loss was seen, and the last second's rows"
    taken = ledger.rows.arrivals()
    taken = taken[(taken["worker"] == 1) & (taken["seq"] % 2 == 0)]
    assert taken.size > 20
    assert (taken["outcome"] == Outcome.OK).all()
    due_ns = arrivals["due_ns"][taken["seq"]]
    assert np.array_equal(taken["due_ns"], due_ns)


@pytest.mark.parametrize("key", ["", "short", "zz" * 32])
def test_without_a_key_nobody_joins(tmp_path: Path, key: str) -> None:
    np.save(tmp_path / "arrivals.npy", arrivals_at(0.0))
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        launch(job_with(remote_workers=1), tmp_path, tmp_path / "arrivals.npy", {"PEAKPROOF_ENGINE_KEY": key})
    assert not (tmp_path / "engine").exists()
