"""Starting the engine from a process that never loads Locust: one call, one pipe each way, no orphans."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import orjson

from harness.engine.facts import engine_folder, first_catalog
from harness.engine.job import EngineJob
from harness.engine.load import build_journeys
from harness.engine.progress import Progress
from harness.engine.share import load_arrivals
from harness.errors import Problem, UsageError

KEY_VARIABLE = "PEAKPROOF_ENGINE_KEY"


class EngineProcess:
    """A running engine: the master's process, which leads a process group of its own with all workers in it.

    This end of the pipe is its lifeline: when this process ends, however it ends, the load stops within seconds.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ended = False
        self.last = Progress("starting")
        """The latest progress that was read."""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def start_ns(self) -> int:
        """The start of the load by `time.monotonic_ns()`; 0 until a progress has told it."""
        return self.last.start_ns

    def progress(self) -> Iterator[Progress]:
        """Waits for and yields each word of the master, at least one a second while the load runs; ends with it."""
        out: IO[bytes] | None = self._process.stdout
        assert out is not None
        for line in out:
            try:
                self.last = Progress.from_json(orjson.loads(line))
            except (ValueError, TypeError):
                continue  # a line of somebody's locustfile, not ours
            yield self.last

    def stop(self, why: str) -> None:
        """Fires nothing more, lets answers come in until the drain is over, and ends in order. Returns at once."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended
            self._process.stdin.write(f"stop {' '.join(why.split())}\n".encode())
            self._process.stdin.flush()

    def kill(self) -> None:
        """Ends master and workers now. Rows of the last second may be lost; the ledger will say which."""
        if not self._ended:  # after the end its number may be somebody else's
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Reads what is left of the progress, waits for the end, and gives the exit code: 0 when the engine could write
        its facts (whatever the load came to), else another."""
        if self._ended:
            return self._process.returncode
        for _ in self.progress():
            pass
        code = self._process.wait()
        self._ended = True
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return code


def launch(job: EngineJob, folder: Path, arrivals_path: Path, env: Mapping[str, str] | None = None) -> EngineProcess:
    """Starts the load of `arrivals_path` in the run folder `folder` and returns while it warms up.

    `env` is added to this process's environment for the engine. Raises UsageError or RefusedError, with nothing
    started, when the job cannot be done as written.
    """
    environment = {**os.environ, **(env or {})}
    build_journeys(job, None, None, environment)
    if job.workers < 1 or min(job.processes, job.remote_workers) < 0:
        raise UsageError(Problem(f"{job.processes} processes cannot carry a load", "at least 1"))
    planned = _count(arrivals_path, job)
    key = _key(job, environment)
    engine = engine_folder(folder)
    engine.mkdir(parents=True, exist_ok=True)
    if (engine / "job.json").exists():
        raise UsageError(Problem("this run folder holds a run already", "take a new one", str(folder)))
    job.write(engine / "job.json")
    (engine / "catalog.json").write_bytes(orjson.dumps(first_catalog(job).to_json(), option=orjson.OPT_INDENT_2))
    (engine / "dealt.json").write_bytes(orjson.dumps({"planned": planned}))
    environment |= {KEY_VARIABLE: key, "GEVENT_LOOP": "libev-cext", "PYTHONUNBUFFERED": "1"}
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")  # nobody multiplies matrices in a worker
    command = [sys.executable, "-m", "harness.engine.node", "master"]
    command += [str(folder), str(arrivals_path), str(job.processes)]
    with (engine / "master.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the caller, who stops the engine in order
        )
    return EngineProcess(process)


def join(host: str, port: int) -> int:
    """Carries a part of a load that another machine leads; returns its exit code when the load is over.

    The run's key is taken from the environment (`PEAKPROOF_ENGINE_KEY`).
    """
    command = [sys.executable, "-m", "harness.engine.node", "join", host, str(port)]
    environment = {**os.environ, "GEVENT_LOOP": "libev-cext", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 -- our own module


def _key(job: EngineJob, environment: Mapping[str, str]) -> str:
    """A fresh key for each run; with workers of other machines the caller's, for they must be told it."""
    key = environment.get(KEY_VARIABLE, "") if job.remote_workers else secrets.token_hex(32)
    if not re.fullmatch(r"[0-9a-f]{64}", key):
        advice = f"export {KEY_VARIABLE}=$(openssl rand -hex 32) here and there"
        raise UsageError(Problem("workers of other machines need a key of 64 hexadecimal digits", advice))
    return key


def _count(arrivals_path: Path, job: EngineJob) -> int:
    try:
        array = load_arrivals(arrivals_path)
    except (OSError, ValueError) as error:
        raise UsageError(Problem(f"the arrivals cannot be read: {error}", file=str(arrivals_path))) from None
    if array.size and int(array["journey"].max()) >= len(job.journeys):
        what = f"an arrival asks for journey {int(array['journey'].max())}, the job has {len(job.journeys)}"
        raise UsageError(Problem(what, file=str(arrivals_path)))
    if array.size and int(array["phase"].max()) >= len(job.phases):
        raise UsageError(Problem("an arrival lies in a phase that the job does not name", file=str(arrivals_path)))
    if array.size > job.limit_requests:
        what = f"{array.size} arrivals are planned, the limit is {job.limit_requests}"
        raise UsageError(Problem(what, "raise limit_requests or plan less", str(arrivals_path)))
    return int(array.size)
