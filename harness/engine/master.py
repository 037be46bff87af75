"""The master process: a stock Locust master that starts the workers, calls the common start, and keeps the roll."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gevent
import numpy as np
import orjson

from harness.engine.carrier import environment, seal_locust, write_table
from harness.engine.facts import EngineFacts, engine_folder, first_catalog, read_rows
from harness.engine.job import EngineJob
from harness.engine.lifeline import GRACE_S, Lifeline
from harness.engine.locust_table import LocustTable
from harness.engine.progress import Progress
from harness.engine.remote import LOST_AFTER_S, Remotes
from harness.engine.roll import Roll
from harness.engine.seal import MESSAGE
from harness.engine.share import load_arrivals, lost_seqs
from harness.engine.starting import last_words, tell
from harness.engine.tick import Tick
from harness.errors import ExitCode
from harness.results import TELEMETRY_DTYPE, ClockFact

_READY_S = 60.0
_JOIN_S = 600.0
"""Workers on other machines are started by hand."""
_HOMEWARD_S = 120.0
_AHEAD_NS = 300_000_000
"""From the word "start" to the start: every worker has heard it by then."""
_DEAL_AHEAD_NS = 200_000_000
"""A share that is dealt anew begins so much later: by then everybody who takes a part has heard of it."""
_STEP_S = 0.1
_SAY_EVERY_S = 0.5
_LEASE_EVERY_S = 1.0
_OVERTIME_S = 5.0
_MOST_NOTES = 50


class Master:
    def __init__(self, run_folder: Path, arrivals_path: Path, workers: Sequence[subprocess.Popen[bytes]]) -> None:
        self._folder = engine_folder(run_folder)
        self._job = EngineJob.read(self._folder / "job.json")
        self._processes = list(workers)
        self._arrivals = arrivals = load_arrivals(arrivals_path)
        self._planned = int(arrivals.size)
        self._last_due_s = float(arrivals["due_ns"][-1]) / 1e9 if arrivals.size else 0.0
        count = self._job.workers
        self._roll = Roll([len(range(k, self._planned, count)) for k in range(count)])
        self._remotes = Remotes(self._job, self._folder, arrivals, self._roll, self._send_to)
        self._runner: Any = None
        self._state = "starting"
        self._start_ns = 0
        self._start_wall_s = self._start_boot_s = 0.0
        self._stopped_early = ""
        self._stop_at_s = 0.0
        self._failure = ""
        self._notes: dict[str, int] = {}
        self._parent_gone = False

    def run(self, lifeline: Lifeline, key: bytes) -> int:
        hub = gevent.get_hub()
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._stop, f"signal {signal.Signals(number).name}")
        lifeline.attach(hub.loop, self._on_line)
        seal_locust(key, lambda what: self._note(f"refused {what}"))
        self._runner = environment(self._job.target).create_master_runner(self._job.bind, self._job.port)
        self._runner.register_message(MESSAGE, self._on_message)
        for process in self._processes:
            tell(process, f"{self._runner.server.port}\n")
        if self._gather():
            self._begin()
            self._lead()
        self._end()
        self._write()
        self._print(self._state)
        return int(ExitCode.CRASH if self._failure else ExitCode.PASS)

    def _gather(self) -> bool:
        """Waits until every worker is ready. False when that will not be, with `_failure` saying why."""
        self._state = "warming"
        wait_s = _JOIN_S if self._job.remote_workers else _READY_S
        until = time.monotonic() + wait_s
        said_s = 0.0
        while not (self._roll.all_ready and len(self._remotes.offsets) == self._job.remote_workers):
            self._reap()
            if self._failure or self._stopped_early:
                return False
            if time.monotonic() > until:
                self._failure = f"not all workers were ready within {wait_s:g} s"
                return False
            if time.monotonic() - said_s > _SAY_EVERY_S:
                said_s = time.monotonic()
                self._send("lease")  # those who are ready wait for the others
                self._print()
            gevent.sleep(0.02)
        return True

    def _begin(self) -> None:
        count = self._job.workers
        self._runner.start(count, count)  # the idle carriers, one a worker
        self._start_ns = time.monotonic_ns() + _AHEAD_NS
        ahead_s = _AHEAD_NS / 1e9
        self._start_wall_s, self._start_boot_s = time.time() + ahead_s, _boottime_s() + ahead_s
        for number, entry in enumerate(self._roll.entries):
            offset = self._remotes.offsets.get(number)
            theirs = self._start_ns + (offset.offset_ns if offset else 0)
            self._send_to(entry.client_id, {"kind": "start", "start_ns": theirs})
        self._roll.begin(time.monotonic() + ahead_s)
        self._state = "running"

    def _lead(self) -> None:
        """Until every worker is done, lost or overdue."""
        said_s = lease_s = 0.0
        while not self._roll.all_over:
            gevent.sleep(_STEP_S)
            now = time.monotonic()
            self._reap()
            self._watch(now)
            if now - lease_s > _LEASE_EVERY_S:
                lease_s = now
                self._send("lease")
            if now - said_s > _SAY_EVERY_S:
                said_s = now
                self._print()
            if self._state == "running" and (self._stopped_early or now - self._start_ns / 1e9 > self._last_due_s):
                self._state = "draining"
            if now > self._deadline_s():
                self._note("workers that were not done after the drain were ended")
                break

    def _watch(self, now: float) -> None:
        at_s = now - self._start_ns / 1e9
        for number in self._roll.watch(now):
            self._note(f"worker {number} fell silent {at_s:.1f} s into the load")
        for number in range(self._job.processes, self._job.workers):
            entry = self._roll.entries[number]
            silent = not entry.is_over and now - entry.heard_s > LOST_AFTER_S
            if silent and self._roll.gone(number, f"silent for {LOST_AFTER_S:g} s"):
                self._note(f"worker {number}, on another machine, was lost {at_s:.1f} s into the load")
                self._deal_again(number)

    def _deadline_s(self) -> float:
        drain = min(self._job.drain_s, self._job.deadline_s) + _OVERTIME_S
        drain += _HOMEWARD_S if self._job.remote_workers else 0.0
        planned_end = self._start_ns / 1e9 + self._last_due_s
        return (min(planned_end, self._stop_at_s) if self._stopped_early else planned_end) + drain

    def _end(self) -> None:
        """Lets the workers go, and makes sure that they are gone."""
        self._send("dismiss" if self._start_ns else "stop", drain_s=0.0)
        until = time.monotonic() + (1.0 if self._failure else GRACE_S / 2)
        while time.monotonic() < until and any(process.poll() is None for process in self._processes):
            gevent.sleep(0.02)
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self._failure:
            self._state = "failed"
        else:
            self._state = "done"

    def _reap(self) -> None:
        for number, process in enumerate(self._processes):
            code = process.poll()
            if code is None or self._roll.entries[number].is_over:
                continue
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            if not self._roll.gone(number, how):
                continue
            if self._state in ("starting", "warming"):
                self._failure = f"worker {number} {how} before the load: {last_words(self._folder, number)}"
            else:
                at_s = (time.monotonic_ns() - self._start_ns) / 1e9
                self._note(f"worker {number} was lost {at_s:.1f} s into the load: {how}")
                self._deal_again(number)

    def _deal_again(self, lost: int) -> None:
        """The rest of a lost worker's share goes to the living ones; those of other machines are sent their part of the
        plan. What was due before they hear of it is lost with it: fired late it would only be a burst."""
        living = [(number, entry) for number, entry in enumerate(self._roll.entries) if entry.state == "running"]
        after_ns = time.monotonic_ns() - self._start_ns + _DEAL_AHEAD_NS
        for part, (number, entry) in enumerate(living):
            which = {"lost": lost, "after_ns": after_ns, "part": part, "parts": len(living)}
            message: dict[str, Any] = {"kind": "deal", **which}
            if number >= self._job.processes:
                message |= self._remotes.packed(lost_seqs(self._arrivals, workers=self._job.workers, **which))
            self._send_to(entry.client_id, message)

    def _on_message(self, environment: Any, msg: Any, **_: Any) -> None:  # noqa: ARG002 -- Locust passes it by name
        data, client, now = msg.data, msg.node_id, time.monotonic()
        worker = data["worker"]
        match data["kind"]:
            case "hello":
                pass
            case "ready":
                if wrong := self._roll.hello(worker, client, now):
                    self._note(wrong)
                elif worker >= self._job.processes:
                    self._remotes.ask_clock(worker)
            case "taken" if 0 <= worker < len(self._roll.entries) and self._roll.entries[worker].client_id == client:
                if wrong := self._roll.taken(data.get("lost"), worker, data.get("count")):
                    self._note(wrong)
            case "tick":
                self._hear(worker, client, data, now)
            case kind:
                if wrong := self._remotes.handle(kind, data, client):
                    self._note(wrong)
                elif 0 <= worker < len(self._roll.entries):
                    self._roll.entries[worker].heard_s = now

    def _hear(self, worker: int, client: str, data: dict[str, Any], now: float) -> None:
        try:
            tick = Tick.from_json(data)
        except ValueError as error:
            self._note(f"counts of worker {worker} that do not parse were refused: {error}")
            return
        if wrong := self._roll.heard(worker, client, tick, now):
            self._note(wrong)
            return
        for trouble in tick.troubles:
            self._note(f"worker {worker}: a journey raised {trouble}", once=trouble.rsplit(" (", 1)[0])
        if tick.broken:
            self._stop(f"worker {worker}: {tick.broken}")

    def _on_line(self, line: str | None) -> None:
        if line is None:
            self._parent_gone = True
            self._stop("the program that started the load is gone")
        elif line.startswith("stop "):
            self._stop(line[5:])

    def _stop(self, why: str) -> None:
        if self._stopped_early:
            return
        self._stopped_early = why or "stopped"
        self._stop_at_s = time.monotonic()
        gevent.spawn(self._send, "stop", drain_s=1.0 if self._parent_gone else self._job.drain_s)

    def _send(self, kind: str, **fields: Any) -> None:
        if self._runner is None:
            return
        try:
            self._runner.send_message(MESSAGE, {"kind": kind, **fields})
        except Exception as error:  # a worker that cannot be reached is found by its silence or its process
            self._note(f"a worker could not be told to {kind}: {error}")

    def _send_to(self, client: str, message: dict[str, Any]) -> None:
        try:
            self._runner.send_message(MESSAGE, message, client_id=client)
        except Exception as error:
            self._note(f"a worker could not be told to {message['kind']}: {error}")

    def _note(self, what: str, once: str = "") -> None:
        key = once or what
        if once and any(once in note for note in self._notes):
            return
        if key in self._notes or len(self._notes) < _MOST_NOTES:
            self._notes[what] = self._notes.get(what, 0) + 1

    def _print(self, state: str = "") -> None:
        entries = self._roll.entries
        ticks = [entry.tick for entry in entries if entry.tick]
        elapsed_s = (time.monotonic_ns() - self._start_ns) / 1e9 if self._start_ns else 0.0
        progress = Progress(
            state=state or self._state,
            elapsed_s=elapsed_s,
            planned=self._planned,
            fired=sum(tick.fired for tick in ticks),
            finished=sum(tick.finished for tick in ticks),
            not_sent=sum(tick.not_sent for tick in ticks),
            in_flight=sum(tick.in_flight for tick in ticks),
            outcomes=self._roll.outcomes(),
            send_lag_s_p99=max((tick.send_lag_s_p99 for tick in ticks), default=0.0),
            cpu_share=max((tick.cpu_share for tick in ticks), default=0.0),
            workers_alive=self._roll.alive,
            workers=len(entries),
            start_ns=self._start_ns,
            detail=self._failure or self._stopped_early or self._waiting(),
        )
        try:
            os.write(1, progress.to_line())
        except OSError:
            self._on_line(None)  # nobody reads: the program that started us is gone

    def _waiting(self) -> str:
        if self._state != "warming" or not self._remotes.awaited:
            return ""
        port = self._runner.server.port
        return f"waiting for {self._remotes.awaited} workers of other machines at {self._job.bind}:{port}"

    def _fill_table(self) -> None:
        """Locust users of somebody's own have told Locust themselves; journeys of ours have only written rows."""
        locust = self._runner.environment
        if not locust.stats.entries:
            LocustTable(locust.stats, self._start_wall_s).fill(read_rows(self._folder.parent))
        write_table(locust, self._folder / "locust.csv")

    def _write(self) -> None:
        now_ns = time.monotonic_ns()
        clock = None
        if self._start_ns:
            clock = ClockFact(
                monotonic_s=(now_ns - self._start_ns) / 1e9,
                boottime_s=_boottime_s() - self._start_boot_s,
                wall_s=time.time() - self._start_wall_s,
            )
        facts = EngineFacts(
            catalog=first_catalog(self._job),
            workers=self._roll.facts(),
            telemetry=np.empty(0, TELEMETRY_DTYPE),
            clock=clock,
            stopped_early=self._failure or self._stopped_early,
            notes=tuple(note + (f" ({count} times)" if count > 1 else "") for note, count in self._notes.items()),
            start_ns=self._start_ns,
            start_wall_s=self._start_wall_s,
        )
        data = facts.to_json() | {"planned": self._planned, "outcomes": self._roll.outcomes()}
        partial = self._folder / "engine.json.partial"
        partial.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2))
        partial.replace(self._folder / "engine.json")
        self._fill_table()


def _boottime_s() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def main(run_folder: Path, arrivals_path: Path, workers: Sequence[subprocess.Popen[bytes]], lifeline: Lifeline) -> int:
    key = bytes.fromhex(os.environ["PEAKPROOF_ENGINE_KEY"])
    return Master(run_folder, arrivals_path, workers).run(lifeline, key)
