"""The worker process: a stock Locust worker that carries one share of the load."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
from gevent.event import Event

from harness.engine.carrier import environment, environment_for, seal_locust
from harness.engine.facts import engine_folder
from harness.engine.fence import fence_in
from harness.engine.job import EngineJob
from harness.engine.lifeline import Lifeline
from harness.engine.load import Load, Serves, busiest_second
from harness.engine.profile import Profile, load_profile, pick_by_journey
from harness.engine.recorder import Recorder
from harness.engine.seal import MESSAGE
from harness.engine.share import Share, load_arrivals
from harness.engine.tick import Tick
from harness.engine.transport import Transport
from harness.engine.users import Users

LEASE_S = 4.0
"""Without a word from the master for so long the load stops."""
ORPHAN_DRAIN_S = 1.0
_LAST_WORD_S = 10.0
PRIORITY = -10


class Worker:
    """Drives one `Load` by the master's messages."""

    def __init__(self, run_folder: Path, arrivals_path: Path, number: int) -> None:
        self._folder = engine_folder(run_folder)
        self._job = EngineJob.read(self._folder / "job.json")
        self._number = number
        self._share = share = Share.deal(load_arrivals(arrivals_path), number, self._job.processes)
        hub = gevent.get_hub()
        self._loop = hub.loop
        transport = Transport(self._job, hub, time.monotonic_ns)
        self._users: Users | None = None
        self._environment = environment(self._job.target)
        profile = load_profile(Path(self._job.profile)) if self._job.profile else None
        serves = self._serve_with(profile) if profile and profile.users else None
        self._load = Load(
            self._job, self._folder, number, share=share, loop=hub.loop, transport=transport, serves=serves
        )
        self._runner: Any = None
        self._warm = Event()
        self._begun = Event()
        self._stopping = Event()
        self._dismissed = Event()
        self._start_ns = 0
        self._master_heard_s = time.monotonic()
        self._port = Event()
        self._port_number = 0

    def run(self, lifeline: Lifeline, key: bytes) -> int:
        """To the end of the load; the exit code."""
        lifeline.attach(self._loop, self._on_line)
        self._port.wait()
        seal_locust(key, lambda _: None)
        self._runner = self._environment.create_worker_runner("127.0.0.1", self._port_number)
        self._fire("init", runner=self._runner, web_ui=None)
        self._runner.register_message(MESSAGE, self._on_message)
        self._say("hello", pid=os.getpid())
        if self._users is not None:
            self._users.warm(self._job.warm_connections or busiest_second(self._share))
        else:
            self._load.warm(lambda _opened: self._warm.set())
            self._warm.wait()
        self._say("ready")
        while not self._begun.wait(0.2):
            self._keep_lease()
            if self._stopping.is_set():
                return 0
        self._carry()
        if self._users is not None:
            self._users.close()
            self._fire("test_stop")
        last = self._load.close()
        self._say("tick", **last.to_json())
        self._dismissed.wait(_LAST_WORD_S)
        return 0

    def _serve_with(self, profile: Profile) -> Callable[[Recorder], Serves]:
        self._environment = environment_for(Path(self._job.profile), self._job.target)
        fence_in(gevent.socket.socket, self._job.allow_hosts)
        pick = pick_by_journey(profile.weights, self._job.journeys, self._job.seed)

        def serves(recorder: Recorder) -> Serves:
            self._users = Users(
                job=self._job,
                clock_ns=time.monotonic_ns,
                recorder=recorder,
                environment=self._environment,
                classes=[cls for cls, _ in profile.users.values()],
                pick=lambda journey, seq: profile.users[pick(journey, seq)][0],
            )
            return self._users

        return serves

    def _fire(self, event: str, **fields: Any) -> None:
        getattr(self._environment.events, event).fire(environment=self._environment, **fields)

    def _carry(self) -> None:
        self._load.begin(self._start_ns)
        next_ns = self._start_ns + 1_000_000_000
        while not self._load.over:
            gevent.sleep(min(0.1, max(0.0, (next_ns - time.monotonic_ns()) / 1e9)))
            now = time.monotonic_ns()
            if now >= next_ns:
                if now - next_ns > 1_000_000_000:
                    self._master_heard_s = time.monotonic()  # we stood still, not the master: its words wait unread
                self._report(self._load.second())
                next_ns += (1 + (now - next_ns) // 1_000_000_000) * 1_000_000_000
            self._keep_lease()

    def _report(self, tick: Tick) -> None:
        self._say("tick", **tick.to_json())
        if tick.broken:
            self._stop(0.0)

    def _keep_lease(self) -> None:
        if time.monotonic() - self._master_heard_s > LEASE_S:
            self._stop(ORPHAN_DRAIN_S)

    def _stop(self, drain_s: float) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            self._load.stop(drain_s)

    def _on_line(self, line: str | None) -> None:
        if line is None:  # the master's process is gone
            self._stop(ORPHAN_DRAIN_S)
            self._begun.set() if self._start_ns else None
            self._dismissed.set()
            if not self._port.is_set():
                os._exit(1)
        elif not self._port.is_set():
            self._port_number = int(line)
            self._port.set()

    def _on_message(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 -- Locust passes it by name
        self._master_heard_s = time.monotonic()
        data = msg.data
        match data["kind"]:
            case "start":
                self._start_ns = data["start_ns"]
                self._begun.set()
            case "stop":
                self._stop(data["drain_s"])
            case "dismiss":
                self._dismissed.set()

    def _say(self, kind: str, **fields: Any) -> None:
        try:
            self._runner.send_message(MESSAGE, {"kind": kind, "worker": self._number, **fields})
        except Exception as error:  # a lost master is found by its lease; the rows are what counts
            print(f"worker {self._number}: the master cannot be told: {error}", file=sys.stderr)  # noqa: T201 -- its log


def ask_for_priority() -> None:
    """Before others where the system lets us: an arrival that waits for the processor is sent late, and a target or a
    mock on the same machine must not be what makes it late."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


def main(run_folder: Path, arrivals_path: Path, number: int, lifeline: Lifeline) -> int:
    ask_for_priority()
    key = bytes.fromhex(os.environ["PEAKPROOF_ENGINE_KEY"])
    return Worker(run_folder, arrivals_path, number).run(lifeline, key)
