"""A worker on another machine: finds the master, is dealt its share, carries it, sends its rows home."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import numpy as np
from gevent.queue import Empty, Queue

from harness.engine.carrier import environment, seal_locust
from harness.engine.facts import engine_folder
from harness.engine.job import EngineJob
from harness.engine.parcels import Parcel
from harness.engine.priority import ask_for_priority
from harness.engine.seal import MESSAGE
from harness.engine.share import Share, arrivals_from
from harness.engine.worker import Worker
from harness.errors import Problem, RefusedError

_ANSWER_S = 30.0


class Joining:
    """The conversation with the master before the load."""

    def __init__(self, host: str, port: int, key: bytes, folder: Path) -> None:
        self._folder = folder
        self._inbox: Queue[dict[str, Any]] = Queue()
        self._worker: Worker | None = None
        self._number = -1
        seal_locust(key, lambda _: None)
        self._environment = environment("")
        self._runner: Any = self._environment.create_worker_runner(host, port)
        self._runner.register_message(MESSAGE, self._on_message)

    def run(self) -> int:
        """To the end of the load; the exit code. Raises RefusedError when the master does not take this worker."""
        self._say("join")
        assigned = self._hear("assign", "too late, or one worker too many: the master did not answer")
        self._number = assigned["number"]
        parcels = {name: self._fetch(name) for name in assigned["parcels"]}
        job = self._write(parcels)
        own = arrivals_from(parcels["arrivals"])
        seqs = np.arange(self._number, assigned["planned"], job.workers, dtype=np.int64)
        self._worker = Worker(
            job, self._folder, self._number, share=Share(own, seqs), locust_environment=self._environment
        )
        return self._worker.run(self._runner, sends_home=True)

    def _write(self, parcels: dict[str, bytes]) -> EngineJob:
        folder = engine_folder(self._folder)
        folder.mkdir(parents=True)
        (folder / "job.json").write_bytes(parcels["job"])
        job = EngineJob.read(folder / "job.json")
        for name in ("profile", "prompts"):
            if name in parcels:
                path = self._folder / f"{name}{Path(getattr(job, name)).suffix}"
                path.write_bytes(parcels[name])
                job = replace(job, profile=str(path)) if name == "profile" else replace(job, prompts=str(path))
        return job

    def _fetch(self, name: str) -> bytes:
        parcel, pieces = Parcel(name), []
        while not parcel.is_whole:
            self._say("fetch", name=name, offset=parcel.size)
            pieces.append(parcel.take(self._hear("piece", f"the master did not send the {name}")))
        return b"".join(pieces)

    def _hear(self, kind: str, otherwise: str) -> dict[str, Any]:
        until = gevent.Timeout(_ANSWER_S, Empty)
        with until:
            while True:
                data: dict[str, Any] = self._inbox.get()
                if data["kind"] == kind:
                    return data
        raise RefusedError(Problem(otherwise))

    def _on_message(self, environment: Any, msg: Any, **rest: Any) -> None:
        if self._worker is not None:
            self._worker.on_message(environment, msg, **rest)
        else:
            self._inbox.put(msg.data)

    def _say(self, kind: str, **fields: Any) -> None:
        self._runner.send_message(MESSAGE, {"kind": kind, "worker": self._number, **fields})


def main(host: str, port: int) -> int:
    """`PEAKPROOF_ENGINE_KEY` holds the run's key, as the master's machine printed it."""
    key = os.environ.get("PEAKPROOF_ENGINE_KEY", "")
    if len(key) != 64:
        raise RefusedError(Problem("the run's key is not set", "export PEAKPROOF_ENGINE_KEY=... from the master"))
    ask_for_priority()
    folder = Path(tempfile.mkdtemp(prefix="peakproof-worker-"))
    try:
        return Joining(host, port, bytes.fromhex(key), folder).run()
    except Empty:
        raise RefusedError(Problem("the master did not answer", "is it the run's key, and is a place free?")) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
