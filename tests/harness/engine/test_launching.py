"""The engine as it runs: real processes, a real server, real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgpack  # type: ignore[import-untyped]
import numpy as np
import psutil
import pytest
import zmq

from harness.engine import EngineJob, EngineProcess, JourneySpec, Progress, launch, read_engine, read_rows
from harness.errors import UsageError
from harness.results import Ledger, Outcome, settle
from tests.harness.engine.flying import arrivals_at, job_with
from tests.harness.engine.responder import responder

JOURNEYS = (
    JourneySpec("ask", "chat"),
    JourneySpec("find", "search"),
    JourneySpec("vector", "embed"),
    JourneySpec("use", "tool"),
    JourneySpec("page", "http", method="GET", path="/page"),
)


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with responder() as url:
        yield url


def plan(folder: Path, seconds: float, rate: float, journeys: int = 1) -> np.ndarray:
    count = int(seconds * rate)
    arrivals = arrivals_at(*np.sort(np.random.default_rng(5).uniform(0, seconds, count)))
    arrivals["journey"] = np.arange(count) % journeys
    np.save(folder / "arrivals.npy", arrivals)
    return arrivals


def start(folder: Path, job: EngineJob) -> EngineProcess:
    return launch(job, folder, folder / "arrivals.npy")


def books(folder: Path, arrivals: np.ndarray) -> Ledger:
    return settle(arrivals, read_rows(folder), read_engine(folder).workers)


def until(engine: EngineProcess, elapsed_s: float) -> None:
    for progress in engine.progress():
        if progress.elapsed_s >= elapsed_s:
            return
    raise AssertionError("the load ended before its time")


def workers_of(engine: EngineProcess) -> list[psutil.Process]:
    found = psutil.Process(engine.pid).children()
    return sorted(found, key=lambda process: process.cmdline()[-1])


def gone(processes: list[psutil.Process], within_s: float) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.e2e
@pytest.mark.parametrize("processes", [1, 2])
def test_a_healthy_load_is_whole(tmp_path: Path, target: str, processes: int) -> None:
    arrivals = plan(tmp_path, 2.0, 100, len(JOURNEYS))
    engine = start(tmp_path, job_with(*JOURNEYS, target=target, processes=processes))
    words: list[Progress] = list(engine.progress())
    assert engine.wait() == 0
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert ledger.balanced, ledger.problems
    assert ledger.rows.damage == ()
    assert ledger.outcomes == {"ok": 200}
    assert [fact.state for fact in facts.workers] == ["done"] * processes
    assert (facts.stopped_early, facts.notes) == ("", ())
    assert facts.clock is not None
    assert abs(facts.clock.monotonic_s - facts.clock.wall_s) < 0.5
    assert facts.start_ns == words[-1].start_ns == engine.start_ns
    assert (words[-1].state, words[-1].finished, words[-1].outcomes) == ("done", 200, {"ok": 200})
    assert {word.state for word in words} >= {"warming", "running", "done"}
    rows = ledger.rows.arrivals()
    assert (rows["sent_ns"] >= rows["due_ns"]).all()
    chats = rows[rows["journey"] == 0]
    assert (chats["first_token_ns"] > chats["sent_ns"]).all()
    assert (chats["tokens_out"] == 5).all()
    assert sorted(set(rows["worker"].tolist())) == list(range(processes))
    assert sorted(set(facts.telemetry["worker"].tolist())) == list(range(processes))


@pytest.mark.e2e
def test_a_killed_worker_is_lost_and_the_rest_of_its_share_is_dealt_to_the_other(tmp_path: Path, target: str) -> None:
    arrivals = plan(tmp_path, 6.0, 100)
    engine = start(tmp_path, job_with(target=target, processes=2))
    until(engine, 1.5)
    workers_of(engine)[1].kill()
    assert engine.wait() == 0
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert [fact.state for fact in facts.workers] == ["done", "lost"]
    assert facts.workers[1].detail == "killed by SIGKILL"
    assert any("worker 1 was lost" in note for note in facts.notes)
    assert ledger.accounted == 600
    assert ledger.balanced, ledger.problems
    assert "without its end mark" in ledger.rows.damage[0]
    lost = ledger.rows.array[ledger.rows.array["outcome"] == Outcome.LOST_WITH_WORKER]
    assert set((lost["seq"] % 2).tolist()) == {1}
    assert 0 < np.ptp(lost["due_ns"]) < 3e9, "the curve is whole again within seconds"
    taken = ledger.rows.arrivals()
    taken = taken[(taken["seq"] % 2 == 1) & (taken["worker"] == 0)]
    assert taken.size > 100
    assert (taken["outcome"] == Outcome.OK).all()
    assert sum(fact.planned for fact in facts.workers) == 600


@pytest.mark.e2e
def test_all_workers_killed_ends_the_load_and_nothing_is_good(tmp_path: Path, target: str) -> None:
    arrivals = plan(tmp_path, 30.0, 20)
    engine = start(tmp_path, job_with(target=target, processes=2))
    until(engine, 1.2)
    for worker in workers_of(engine):
        worker.kill()
    began = time.monotonic()
    engine.wait()
    assert time.monotonic() - began < 25, "the plan was for 30 s"
    assert [fact.state for fact in read_engine(tmp_path).workers] == ["lost", "lost"]
    assert books(tmp_path, arrivals).lost > 500


@pytest.mark.e2e
def test_a_stop_ends_in_order(tmp_path: Path, target: str) -> None:
    arrivals = plan(tmp_path, 60.0, 50)
    engine = start(tmp_path, job_with(target=target))
    until(engine, 1.0)
    engine.stop("the budget is spent")
    began = time.monotonic()
    assert engine.wait() == 0
    assert time.monotonic() - began < 40, "the plan was for 50 s"
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert facts.stopped_early == "the budget is spent"
    assert ledger.balanced, ledger.problems
    assert ledger.outcomes["not_sent"] > 2500
    assert ledger.outcomes["ok"] >= 40


@pytest.mark.e2e
def test_a_killed_master_stops_its_workers_and_says_nothing_good(tmp_path: Path, target: str) -> None:
    arrivals = plan(tmp_path, 60.0, 50)
    engine = start(tmp_path, job_with(target=target, processes=2))
    until(engine, 1.2)
    workers = workers_of(engine)
    os.kill(engine.pid, signal.SIGKILL)
    assert gone(workers, 5.0)
    engine.wait()
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert [fact.state for fact in facts.workers] == ["lost", "lost"]
    assert facts.stopped_early
    assert ledger.accounted == arrivals.size
    assert ledger.outcomes.get("ok", 0) < 200


@pytest.mark.e2e
def test_no_process_outlives_a_killed_caller(tmp_path: Path, target: str) -> None:
    plan(tmp_path, 60.0, 20)
    job_with(target=target, processes=2).write(tmp_path / "job.json")
    code = (
        "import sys, pathlib, harness.engine as e\n"
        "f = pathlib.Path(sys.argv[1])\n"
        "p = e.launch(e.EngineJob.read(f / 'job.json'), f, f / 'arrivals.npy')\n"
        "assert not {'locust', 'gevent'} & set(sys.modules)\n"
        "for w in p.progress(): print(p.pid, w.state, flush=True)\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert caller.stdout is not None
    for line in caller.stdout:
        pid, state = line.split()
        if state == b"running":
            break
    master = psutil.Process(int(pid))
    family = [master, *master.children()]
    assert len(family) == 3
    caller.kill()
    assert gone(family, 8.0)
    caller.wait()
    caller.stdout.close()


@pytest.mark.e2e
def test_a_worker_that_stands_still_is_seen_and_does_not_burst(tmp_path: Path, target: str) -> None:
    arrivals = plan(tmp_path, 6.0, 50)
    engine = start(tmp_path, job_with(target=target, late_cut_s=1.0))
    until(engine, 1.0)
    worker = workers_of(engine)[0]
    worker.suspend()
    time.sleep(4.0)
    worker.resume()
    assert engine.wait() == 0
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert any("fell silent" in note for note in facts.notes)
    assert "silent for" in facts.workers[0].detail
    assert ledger.balanced, ledger.problems
    assert ledger.outcomes["not_sent"] > 80
    assert facts.stopped_early == ""


@pytest.mark.e2e
def test_ghosts_forgers_and_malformed_frames_are_refused_and_the_load_goes_on(tmp_path: Path, target: str) -> None:
    """What a stock Locust master takes: a ghost worker, a million forged requests, a frame that ends its listener."""
    arrivals = plan(tmp_path, 5.0, 50)
    engine = start(tmp_path, job_with(target=target))
    until(engine, 0.5)
    port = next(c.laddr.port for c in psutil.Process(engine.pid).net_connections("tcp") if c.status == "LISTEN")
    listening = [c.laddr.ip for c in psutil.Process(engine.pid).net_connections("tcp") if c.status == "LISTEN"]
    assert set(listening) == {"127.0.0.1"}
    forged = {"stats": [], "stats_total": {"num_requests": 10**6}, "user_classes_count": {}, "user_count": 0}
    with zmq.Context() as context, context.socket(zmq.DEALER) as ghost:
        ghost.setsockopt(zmq.IDENTITY, b"ghost")
        ghost.setsockopt(zmq.LINGER, 2000)
        ghost.connect(f"tcp://127.0.0.1:{port}")
        ghost.send(msgpack.packb(("client_ready", "2.47.0", "ghost")))
        ghost.send(msgpack.packb(("stats", forged, "ghost")))
        for frames in ([b"\xc1"], [b""], [b"", b"", b""], [os.urandom(4000)], [msgpack.packb(10**6)]):
            ghost.send_multipart(frames)
        assert not ghost.poll(1000), "the master answered a ghost"
    assert engine.wait() == 0
    facts, ledger = read_engine(tmp_path), books(tmp_path, arrivals)
    assert any(note.startswith("refused a frame without this run's key") for note in facts.notes)
    assert [fact.state for fact in facts.workers] == ["done"]
    assert ledger.balanced, ledger.problems
    assert ledger.outcomes == {"ok": 250}


@pytest.mark.e2e
def test_a_dead_target_is_all_refused(tmp_path: Path) -> None:
    arrivals = plan(tmp_path, 1.0, 50)
    engine = start(tmp_path, job_with(target="http://127.0.0.1:9"))
    assert engine.wait() == 0
    assert books(tmp_path, arrivals).outcomes == {"refused": 50}


def test_what_cannot_be_done_is_refused_before_anything_starts(tmp_path: Path) -> None:
    plan(tmp_path, 1.0, 10, journeys=2)
    with pytest.raises(UsageError, match="asks for journey 1"):
        start(tmp_path, job_with())
    plan(tmp_path, 1.0, 10)
    with pytest.raises(UsageError, match="10 arrivals are planned, the limit is 5"):
        start(tmp_path, job_with(limit_requests=5))
    with pytest.raises(UsageError, match="0 processes"):
        start(tmp_path, job_with(processes=0))
    with pytest.raises(UsageError, match="NOT_SET_ANYWHERE"):
        start(tmp_path, job_with(headers={"a": "${env:NOT_SET_ANYWHERE}"}))
    (tmp_path / "arrivals.npy").write_bytes(b"no")
    with pytest.raises(UsageError, match="arrivals cannot be read"):
        start(tmp_path, job_with())
    assert not (tmp_path / "engine").exists()


def test_a_run_folder_is_used_once(tmp_path: Path) -> None:
    plan(tmp_path, 1.0, 10)
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "job.json").write_text("{}")
    with pytest.raises(UsageError, match="holds a run already"):
        start(tmp_path, job_with())
