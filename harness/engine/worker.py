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
import numpy as np
from gevent import monkey
from gevent.event import AsyncResult, Event

from harness.engine.carrier import dress, environment, seal_locust
from harness.engine.facts import engine_folder
from harness.engine.fence import fence_in
from harness.engine.job import EngineJob
from harness.engine.lifeline import Lifeline
from harness.engine.load import Load, Serves, busiest_second
from harness.engine.parcels import cut
from harness.engine.priority import ask_for_priority
from harness.engine.profile import Profile, load_profile, pick_by_journey
from harness.engine.recorder import Recorder
from harness.engine.remote import HOME
from harness.engine.seal import MESSAGE
from harness.engine.share import ArrivalArray, Share, arrivals_from, load_arrivals
from harness.engine.tick import Tick
from harness.engine.transport import Transport
from harness.engine.users import Users
from harness.errors import ExitCode

LEASE_S = 4.0
"""Without a word from the master for so long the load stops."""
ORPHAN_DRAIN_S = 1.0
_LAST_WORD_S = 10.0
_DELIVERY_S = 300.0


class Worker:
    """Drives one `Load` by the master's messages."""

    def __init__(
        self,
        job: EngineJob,
        run_folder: Path,
        number: int,
        *,
        share: Share,
        locust_environment: Any,
        plan: ArrivalArray | None = None,
    ) -> None:
        """`plan`: all arrivals, where they are at hand; then this worker can take over those of a lost one."""
        self._plan = plan
        self._folder = engine_folder(run_folder)
        self._job = job
        self._number = number
        self._share = share
        self._environment = locust_environment
        hub = gevent.get_hub()
        transport = Transport(job, hub, time.monotonic_ns)
        self._users: Users | None = None
        profile = load_profile(Path(job.profile)) if job.profile else None
        serves = self._serve_with(profile, transport) if profile and profile.users else None
        self._load = Load(
            job,
            self._folder,
            number,
            share=share,
            loop=hub.loop,
            transport=transport,
            profile=profile,
            serves=serves,
            sleep=monkey.get_original("time", "sleep"),
        )
        self._runner: Any = None
        self._warm = Event()
        self._begun = Event()
        self._stopping = Event()
        self._dismissed = Event()
        self._delivered = Event()
        self._start_ns = 0
        self._master_heard_s = time.monotonic()

    def run(self, runner: Any, *, sends_home: bool) -> int:
        """To the end of the load; the exit code. `sends_home`: the rows go to the master over the channel."""
        self._runner = runner
        self._fire("init", runner=runner, web_ui=None)
        self._say("hello", pid=os.getpid())
        if self._users is not None:
            self._users.warm(self._job.warm_connections or busiest_second(self._share))
        else:
            self._load.warm(lambda _opened: self._warm.set())
            self._warm.wait()
        self._master_heard_s = time.monotonic()
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
        self._report_to_locust()
        if sends_home:
            self._say("home")
            self._delivered.wait(_DELIVERY_S)
        self._say("tick", **last.to_json())
        self._dismissed.wait(_LAST_WORD_S)
        return 0

    def _serve_with(self, profile: Profile, transport: Transport) -> Callable[[Recorder], Serves]:
        dress(self._environment, Path(self._job.profile), self._job.target)
        fence_in(gevent.socket.socket, self._job.allow_hosts, transport.met)
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

    def _report_to_locust(self) -> None:
        """Locust's own report, which comes every three seconds, for the last of them."""
        with suppress(Exception):  # nothing but its table hangs on it
            self._runner._send_stats()

    def _stop(self, drain_s: float) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            self._load.stop(drain_s)

    def orphaned(self) -> None:
        """The master's process is gone: stop, and do not wait for its word."""
        self._stop(ORPHAN_DRAIN_S)
        self._dismissed.set()
        self._delivered.set()

    def on_message(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 -- Locust passes it by name
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
            case "deal":
                self._take_over(data)
            case "ping":
                self._say("pong", asked=data["asked"], theirs=time.monotonic_ns())
            case "pull":
                path = HOME[data["name"]](self._folder, self._number)
                content = path.read_bytes() if path.exists() else b""  # nothing was streamed: no gaps
                self._say("piece", **cut(data["name"], memoryview(content), data["offset"]))
            case "thanks":
                self._delivered.set()

    def _take_over(self, data: dict[str, Any]) -> None:
        if self._plan is None:  # on another machine: the arrivals come with the word
            share = Share(arrivals_from(data["own"]), np.frombuffer(data["seqs"], "<i8"))
        else:
            share = Share.of_lost(
                self._plan,
                lost=data["lost"],
                workers=self._job.workers,
                after_ns=data["after_ns"],
                part=data["part"],
                parts=data["parts"],
            )
        if self._load.take(share):
            self._say("taken", lost=data["lost"], count=share.count)

    def _say(self, kind: str, **fields: Any) -> None:
        try:
            self._runner.send_message(MESSAGE, {"kind": kind, "worker": self._number, **fields})
        except Exception as error:  # a lost master is found by its lease; the rows are what counts
            print(f"worker {self._number}: the master cannot be told: {error}", file=sys.stderr)  # noqa: T201 -- its log


def main(run_folder: Path, arrivals_path: Path, number: int, lifeline: Lifeline) -> int:
    """A worker that `launch` started: its lifeline brings the master's port, and its end the master's."""
    ask_for_priority()
    key = bytes.fromhex(os.environ["PEAKPROOF_ENGINE_KEY"])
    job = EngineJob.read(engine_folder(run_folder) / "job.json")
    plan = load_arrivals(arrivals_path)
    share = Share.deal(plan, number, job.workers)
    locust_environment = environment(job.target)
    worker = Worker(job, run_folder, number, share=share, locust_environment=locust_environment, plan=plan)
    port: AsyncResult[int] = AsyncResult()

    def on_line(line: str | None) -> None:
        if line is not None:
            port.set(int(line))
        elif port.ready():
            worker.orphaned()
        else:
            os._exit(ExitCode.CRASH)

    lifeline.attach(gevent.get_hub().loop, on_line)
    number_of_port = port.get()
    seal_locust(key, lambda _: None)
    runner: Any = locust_environment.create_worker_runner("127.0.0.1", number_of_port)
    runner.register_message(MESSAGE, worker.on_message)
    return worker.run(runner, sends_home=False)
