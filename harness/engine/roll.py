"""The master's roll of its workers: who is here, what each said, who fell silent, who cannot be believed. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.engine.tick import Tick
from harness.results import Outcome, WorkerFact

SILENT_S = 3.0
"""A worker that says nothing for so long is stalled until it speaks again."""


@dataclass
class Entry:
    """One worker. `state` is `starting`, `ready`, `running`, `done`, `lost`, `stalled` or `lying`."""

    planned: int
    state: str = "starting"
    client_id: str = ""
    tick: Tick | None = None
    heard_s: float = 0.0
    silence_s: float = 0.0
    """The longest silence while it was under way."""
    detail: str = ""
    clock_offset_s: float = 0.0

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "lost")


class Roll:
    """Entries by worker number. `now_s` is any monotonic clock, the same for all calls."""

    def __init__(self, planned: Sequence[int]) -> None:
        self.entries = [Entry(count) for count in planned]

    def hello(self, worker: int, client_id: str, now_s: float) -> str:
        """A worker reports for duty; a sentence when it is refused."""
        if not 0 <= worker < len(self.entries):
            return f"a worker with the number {worker} that nobody started was refused"
        entry = self.entries[worker]
        if entry.client_id and entry.client_id != client_id:
            return f"a second worker with the number {worker} was refused"
        if entry.state == "starting":
            entry.state = "ready"
        entry.client_id, entry.heard_s = client_id, now_s
        return ""

    def begin(self, now_s: float) -> None:
        for entry in self.entries:
            if entry.state == "ready":
                entry.state, entry.heard_s = "running", now_s

    def heard(self, worker: int, client_id: str, tick: Tick, now_s: float) -> str:
        """A worker's counts; a sentence when they are refused. A worker caught in a lie stays a liar."""
        if not 0 <= worker < len(self.entries) or self.entries[worker].client_id != client_id:
            return f"counts from an unknown worker ({worker}) were refused"
        entry = self.entries[worker]
        if entry.state == "lost":
            return f"counts of worker {worker}, which is lost, were refused"
        entry.silence_s = max(entry.silence_s, now_s - entry.heard_s) if entry.state != "ready" else 0.0
        entry.heard_s = now_s
        wrong = tick.disagreement(entry.tick)
        if not wrong and tick.planned != entry.planned:
            wrong = f"it says {tick.planned} arrivals are its share, it was dealt {entry.planned}"
        if wrong:
            entry.state, entry.detail = "lying", wrong
            return f"worker {worker} cannot be believed: {wrong}"
        entry.tick = tick
        if entry.state != "lying":
            entry.state = "done" if tick.done else "running"
        return ""

    def gone(self, worker: int, detail: str) -> bool:
        """Its process ended. True when that is a loss: it had not said that it was done."""
        entry = self.entries[worker]
        if entry.state == "done":
            return False
        entry.state, entry.detail = "lost", detail
        return True

    def taken(self, lost: object, worker: int, count: object) -> str:
        """A living worker says that it took over `count` arrivals of a lost one; a sentence when that cannot be."""
        if not isinstance(lost, int) or not isinstance(count, int):
            return f"worker {worker}: a takeover without numbers was refused"
        if not 0 <= lost < len(self.entries) or self.entries[lost].state != "lost":
            return f"worker {worker} took over from worker {lost!r:.20}, which is not lost: refused"
        if not 0 <= count <= self.entries[lost].planned:
            return f"worker {worker} took over {count!r:.20} arrivals of worker {lost}, more than there are: refused"
        self.entries[lost].planned -= count
        self.entries[worker].planned += count
        return ""

    def watch(self, now_s: float) -> list[int]:
        """Marks those who fell silent; returns the newly silent ones."""
        silent = []
        for number, entry in enumerate(self.entries):
            if entry.state == "running" and now_s - entry.heard_s > SILENT_S:
                entry.state = "stalled"
                silent.append(number)
        return silent

    @property
    def all_ready(self) -> bool:
        return all(entry.state == "ready" for entry in self.entries)

    @property
    def all_over(self) -> bool:
        return all(entry.is_over or (entry.tick is not None and entry.tick.done) for entry in self.entries)

    @property
    def alive(self) -> int:
        return sum(entry.state != "lost" for entry in self.entries)

    def facts(self) -> tuple[WorkerFact, ...]:
        return tuple(
            WorkerFact(
                worker=number,
                state=entry.state if entry.state in ("done", "lost", "lying") else "stalled",
                planned=entry.planned,
                reported=entry.tick.finished if entry.tick else 0,
                clock_offset_s=entry.clock_offset_s,
                detail=entry.detail
                or (f"silent for {entry.silence_s:.1f} s in between" if entry.silence_s > SILENT_S else ""),
            )
            for number, entry in enumerate(self.entries)
        )

    def outcomes(self) -> dict[str, int]:
        """Arrivals by outcome over all workers, as last reported; what a lost worker did not report is not in it."""
        sums = [0] * len(Outcome)
        for entry in self.entries:
            if entry.tick:
                sums = [a + b for a, b in zip(sums, entry.tick.outcomes, strict=True)]
        return {Outcome(number).label: count for number, count in enumerate(sums) if count}
