"""Continuous batching, simulated step by step at absolute times. Pure: no clock, no loop; randomness is seeded.

Each replica works in steps, as vLLM and its like do: a step decodes one token for every running sequence and spends
what is left of its token budget on prefill. A step lasts `step_ms` (reading the weights), plus a little for every
running sequence and for the KV cache it must read, plus the prefill's compute. When the KV cache is full, the newest
sequence is preempted: its work is lost and done again, which is why goodput falls past the knee instead of levelling
off.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable

from pydantic import Field

from mock_services.service import Settings


class InferenceSettings(Settings):
    """The server's speed. Times in milliseconds, sizes in tokens."""

    replicas: int = Field(default=1, ge=1, le=1000)
    max_batch: int = Field(default=256, ge=1, le=10_000, description="sequences a replica runs at once")
    kv_tokens: int = Field(default=500_000, ge=1, description="KV-cache capacity of a replica")
    prefill_tokens_per_s: float = Field(default=10_000, gt=0, description="of a replica")
    prefill_chunk: int = Field(default=2048, ge=1, description="prefill tokens in one step (chunked prefill)")
    step_ms: float = Field(default=10, gt=0, description="a decode step with one sequence")
    step_ms_per_sequence: float = Field(default=0.05, ge=0)
    step_ms_per_1k_kv: float = Field(default=0.01, ge=0, description="for each 1000 tokens of KV cache in use")
    step_jitter: float = Field(default=0.0, ge=0, le=1, description="sigma of a step's lognormal factor")
    overhead_ms: float = Field(
        default=20, ge=0, description="median of network, routing and admission before the queue"
    )
    overhead_sigma: float = Field(default=0.0, ge=0, le=2, description="sigma of its lognormal")
    distance_ms: float = Field(default=0, ge=0, description="added to the overhead, without its spread")
    queue_limit: int | None = Field(
        default=None, ge=0, description="waiting requests; beyond, refused. None: unbounded"
    )


Served = tuple[int, int]
"""What an event gave away: tokens of streams, and whole answers."""
_NOTHING: Served = (0, 0)


class Job:
    """One request in the server. `emit(i)` is called when output token i exists, `done` after the last."""

    __slots__ = ("cancelled", "done", "emit", "generated", "output_tokens", "prefilled", "prompt_tokens", "waiting")

    def __init__(
        self,
        prompt_tokens: int,
        output_tokens: int,
        done: Callable[[], None],
        emit: Callable[[int], None] | None = None,
    ) -> None:
        self.prompt_tokens = max(1, prompt_tokens)
        self.output_tokens = max(1, output_tokens)
        self.done = done
        self.emit = emit
        self.prefilled = 0
        self.generated = 0
        self.waiting = True
        self.cancelled = False

    @property
    def to_prefill(self) -> int:
        """Prompt and, after a preemption, what had been generated already."""
        return self.prompt_tokens + self.generated - self.prefilled


class _Replica:
    __slots__ = ("decoding", "kv_used", "prefilling", "ready_s", "stalled", "stepping")

    def __init__(self) -> None:
        self.decoding: list[Job] = []
        self.prefilling: deque[Job] = deque()
        self.kv_used = 0
        self.stepping = False
        self.stalled = False
        self.ready_s = -math.inf

    @property
    def running(self) -> int:
        return len(self.decoding) + len(self.prefilling)


class Batching:
    """The server: one queue, many replicas. Drive it with `submit`, `next_s` and `advance`."""

    def __init__(self, settings: InferenceSettings, seed: int) -> None:
        self.settings = settings
        self.waiting = 0
        """Jobs submitted that no replica has taken."""
        self.preemptions = 0
        self._random = random.Random(seed)
        self._queue: deque[Job] = deque()
        self._replicas = [_Replica() for _ in range(settings.replicas)]
        self._retired: list[_Replica] = []
        self._events: list[tuple[float, int, Callable[[float], Served]]] = []
        self._order = itertools.count()

    # what can be seen

    @property
    def running(self) -> int:
        return sum(replica.running for replica in self._replicas)

    @property
    def kv_usage(self) -> float:
        """Share of all KV cache in use."""
        return sum(replica.kv_used for replica in self._replicas) / (self.settings.kv_tokens * len(self._replicas))

    @property
    def full(self) -> bool:
        """The bounded queue takes no more."""
        limit = self.settings.queue_limit
        if limit is None:
            return False
        free = 0 if self._queue else sum(self.settings.max_batch - replica.running for replica in self._replicas)
        return self.waiting - free >= limit

    def next_s(self) -> float:
        """When something happens next; infinity where nothing will."""
        return self._events[0][0] if self._events else math.inf

    # what can be done

    def submit(self, job: Job, now: float) -> None:
        overhead_s = self.settings.overhead_ms / 1000
        if self.settings.overhead_sigma:
            overhead_s *= math.exp(self._random.gauss(0, self.settings.overhead_sigma))
        overhead_s += self.settings.distance_ms / 1000
        self.waiting += 1
        self._at(now + overhead_s, lambda t: self._enqueue(job, t))

    def cancel(self, job: Job) -> None:
        """The client has left: its place is free at the next step. Its `emit` and `done` are not called any more."""
        if not job.cancelled:
            job.cancelled = True
            if job.waiting:
                self.waiting -= 1

    def pause(self, until_s: float, now: float) -> None:
        """Cold start or model swap: no replica begins a step before then."""
        for replica in self._replicas:
            replica.ready_s = until_s
        self._at(until_s, self._wake)

    def resume(self, now: float) -> None:
        """The pause is over before its time."""
        for replica in self._replicas:
            replica.ready_s = -math.inf
            self._unstall(replica, now)
        self._wake(now)

    def change(self, settings: InferenceSettings, now: float) -> None:
        """New speeds from each replica's next step on. Replicas taken away finish what they run."""
        self.settings = settings
        while len(self._replicas) > settings.replicas:
            self._retired.append(self._replicas.pop())
        while len(self._replicas) < settings.replicas:
            self._replicas.append(_Replica())
        self._wake(now)

    def advance(self, now: float, served: Callable[[float, Served], None] | None = None) -> None:
        """Everything due by now, in order. `served` is told of each event that gave something away, and when it was
        due."""
        while self._events and self._events[0][0] <= now:
            at, _, call = heapq.heappop(self._events)
            given = call(at)
            if given != _NOTHING and served is not None:
                served(at, given)

    # inside

    def _at(self, when: float, call: Callable[[float], Served]) -> None:
        heapq.heappush(self._events, (when, next(self._order), call))

    def _enqueue(self, job: Job, now: float) -> Served:
        if not job.cancelled:
            self._queue.append(job)
            self._wake(now)
        return _NOTHING

    def _wake(self, now: float) -> Served:
        """The least busy idle replica takes up the queue; busy ones look at the end of their step."""
        idle = [replica for replica in self._replicas if not replica.stepping]
        idle.sort(key=lambda r: r.running)
        for replica in idle:
            if not self._queue:
                break
            if not replica.stepping:
                self._begin_step(replica, now)
        return _NOTHING

    def _begin_step(self, replica: _Replica, now: float) -> None:
        if now < replica.ready_s:
            if replica.running:
                self._at(replica.ready_s, lambda t: self._unstall(replica, t))
                replica.stepping = replica.stalled = True
            return
        self._make_room(replica)
        self._take_up(replica)
        if not replica.running:
            return
        settings = self.settings
        budget = settings.prefill_chunk
        for job in replica.prefilling:
            part = min(budget, job.to_prefill)
            job.prefilled += part
            budget -= part
            if budget <= 0:
                break
        step_s = (
            settings.step_ms
            + settings.step_ms_per_sequence * len(replica.decoding)
            + settings.step_ms_per_1k_kv * replica.kv_used / 1000
        ) / 1000
        if settings.step_jitter:
            step_s *= math.exp(self._random.gauss(0, settings.step_jitter))
        step_s += (settings.prefill_chunk - budget) / settings.prefill_tokens_per_s
        replica.stepping = True
        self._at(now + step_s, lambda t: self._end_step(replica, t))

    def _unstall(self, replica: _Replica, now: float) -> Served:
        if replica.stalled:
            replica.stepping = replica.stalled = False
            self._begin_step(replica, now)
        return _NOTHING

    def _make_room(self, replica: _Replica) -> None:
        """Every decoding sequence needs one token more: preempt the newest until that fits."""
        while replica.running > 1 and replica.kv_used + len(replica.decoding) > self.settings.kv_tokens:
            job = replica.prefilling.pop() if replica.prefilling else replica.decoding.pop()
            replica.kv_used -= job.prompt_tokens + job.generated
            job.prefilled = 0
            if not job.cancelled:
                job.waiting = True
                self.waiting += 1
                self.preemptions += 1
                self._queue.appendleft(job)

    def _take_up(self, replica: _Replica) -> None:
        if replica in self._retired:
            return
        settings = self.settings
        while self._queue and replica.running < settings.max_batch:
            job = self._queue[0]
            need = job.prompt_tokens + job.generated
            if job.cancelled:
                self._queue.popleft()
                continue
            if replica.running and replica.kv_used + need + len(replica.decoding) > settings.kv_tokens:
                return
            self._queue.popleft()
            job.waiting = False
            self.waiting -= 1
            replica.kv_used += need
            replica.prefilling.append(job)

    def _end_step(self, replica: _Replica, now: float) -> Served:
        replica.stepping = False
        running: list[Job] = []
        ended: list[Job] = []
        emitted = answered = 0
        fresh: list[Job] = []
        while replica.prefilling and (replica.prefilling[0].cancelled or replica.prefilling[0].to_prefill <= 0):
            fresh.append(replica.prefilling.popleft())
        for job in itertools.chain(replica.decoding, fresh):
            if job.cancelled:
                replica.kv_used -= job.prompt_tokens + job.generated
                continue
            index = job.generated
            job.generated = index + 1
            job.prefilled += 1
            replica.kv_used += 1
            if job.emit is not None:
                job.emit(index)
                emitted += 1
            if job.generated >= job.output_tokens:
                replica.kv_used -= job.prompt_tokens + job.generated
                ended.append(job)
            else:
                running.append(job)
        replica.decoding = running
        for job in ended:
            answered += job.emit is None
            job.done()
        self._begin_step(replica, now)
        return emitted, answered
