"""Bring your own locustfile: unmodified Locust users, driven open loop.

Each arrival runs one task of a pooled user on a greenlet: the plan says when, the user's `wait_time` does not. The
requests that the task makes are the arrival's step rows, seen through Locust's own request event. A sequence
(`SequentialTaskSet`) is run once, whole. Slower than generator journeys: a greenlet an arrival, and Locust's clients.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import gevent
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser
from locust.user.sequential_taskset import SequentialTaskSet
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet, TaskSet

from harness.engine.exchange import Exchange, Request
from harness.engine.job import DegradedSignal, EngineJob
from harness.engine.journeys.prompts import mix
from harness.engine.recorder import Recorder
from harness.engine.requests_seen import judge_event, silent_retries
from harness.engine.share import Share
from harness.results import Outcome, Reason

_ON_STOP_S = 2.0
_FLOW = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately)
"""How a task hands control back: not failures."""


class _OverdueError(BaseException):
    """The arrival's total deadline passed. Not an `Exception`: the task's own handlers must not swallow it."""


class Visit:
    """One arrival, served by one user."""

    __slots__ = ("began_ns", "index", "is_over", "share", "steps")

    def __init__(self, share: Share, index: int, began_ns: int) -> None:
        self.share = share
        self.index = index
        self.began_ns = began_ns
        self.steps: list[Exchange] = []
        self.is_over = False


class Users:
    """Serves arrivals; the same door as `Flights`. `pick(journey, seq)` says which of `classes` serves an arrival."""

    def __init__(
        self,
        *,
        job: EngineJob,
        clock_ns: Callable[[], int],
        recorder: Recorder,
        environment: Any,
        classes: Sequence[type],
        pick: Callable[[int, int], type],
    ) -> None:
        self._job = job
        self._clock_ns = clock_ns
        self._recorder = recorder
        self._environment = environment
        self._classes = tuple(classes)
        self._pick = pick
        self._pools: dict[type, list[Any]] = defaultdict(list)
        self._visit: ContextVar[Visit | None] = ContextVar("visit", default=None)
        self._open: dict[Visit, gevent.Greenlet] = {}
        self.troubles: dict[str, int] = {}
        environment.events.request.add_listener(self._on_request)
        for user_class in self._classes:
            user_class.host = job.target  # type: ignore[attr-defined]

    def warm(self, count: int) -> None:
        """Makes users beforehand, `on_start` and all; blocks. What they request is before the load and not in it."""
        share = max(1, count // max(1, len(self._classes)))
        makers = [gevent.spawn(self._make_spare, cls) for cls in self._classes for _ in range(share)]
        gevent.joinall(makers, timeout=self._job.deadline_s)
        gevent.killall(makers, timeout=1.0)

    def fire(self, share: Share, index: int, now: int) -> None:
        visit = Visit(share, index, now)
        self._recorder.enter(now)
        self._open[visit] = gevent.spawn(self._serve, visit)

    def cancel_all(self) -> None:
        for visit, greenlet in list(self._open.items()):
            self._end(visit, Outcome.CANCELLED, Reason.STOPPED)
            greenlet.kill(block=False)

    def close(self) -> None:
        """Gives every pooled user its `on_stop`, for two seconds at most."""
        spare = [user for pool in self._pools.values() for user in pool]
        enders = [gevent.spawn(user.on_stop) for user in spare]
        gevent.joinall(enders, timeout=_ON_STOP_S)
        gevent.killall(enders, timeout=1.0)

    def trouble(self, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"[:200]
        if text in self.troubles or len(self.troubles) < 20:
            self.troubles[text] = self.troubles.get(text, 0) + 1

    def _serve(self, visit: Visit) -> None:
        self._visit.set(visit)
        cls = self._pick(visit.share.journey[visit.index], visit.share.seq[visit.index])
        try:
            with gevent.Timeout(self._job.deadline_s, _OverdueError):
                user = self._pools[cls].pop() if self._pools[cls] else self._make(cls)
                self._run(user._taskset_instance, mix(self._job.seed, visit.share.seq[visit.index]))
        except _FLOW:
            self._pools[cls].append(user)
            self._end(visit, None, Reason.NONE)
        except _OverdueError:
            self._end(visit, Outcome.TIMEOUT, Reason.DEADLINE)
        except StopUser:
            self._end(visit, None, Reason.NONE)
        except Exception as error:  # the task is the user's code: whatever it raises is an outcome
            self.trouble(error)
            reason = Reason.CHECK_FAILED if isinstance(error, AssertionError) else Reason.JOURNEY_ERROR
            self._end(visit, Outcome.WRONG_SHAPE if visit.steps else Outcome.NOT_SENT, reason)
        else:
            self._pools[cls].append(user)
            self._end(visit, None, Reason.NONE)

    def _make(self, cls: type) -> Any:
        user = cls(self._environment)
        user._state = LOCUST_STATE_RUNNING
        user._taskset_instance = DefaultTaskSet(user)
        user.on_start()
        return user

    def _make_spare(self, cls: type) -> None:
        try:
            self._pools[cls].append(self._make(cls))
        except Exception as error:  # an arrival will meet it again, and be the one to say so
            self.trouble(error)

    def _run(self, holder: Any, draw: int) -> None:
        """One task; of a nested set one of its own, of a sequence all."""
        task = self._choose(holder, draw)
        if not (isinstance(task, type) and issubclass(task, TaskSet)):
            holder.execute_task(task)
            return
        inner: Any = task(holder.user if isinstance(holder, DefaultTaskSet) else holder)
        inner.on_start()
        try:
            for _ in range(len(inner.tasks) if isinstance(inner, SequentialTaskSet) else 1):
                draw = mix(draw, 1)
                self._run(inner, draw)
        finally:
            inner.on_stop()

    @staticmethod
    def _choose(holder: Any, draw: int) -> Any:
        """The holder's own choice where it has one of its own (a sequence, a Markov chain); else seeded by weight."""
        tasks = holder.user.tasks if isinstance(holder, DefaultTaskSet) else holder.tasks
        own = type(holder).get_next_task not in (TaskSet.get_next_task, DefaultTaskSet.get_next_task)
        return holder.get_next_task() if own or not tasks else tasks[draw % len(tasks)]

    def _on_request(self, name: str = "", response_time: float = 0.0, **event: Any) -> None:
        visit = self._visit.get()
        if visit is None or visit.is_over:
            return
        exchange = Exchange(Request(b"", b"", step=self._recorder.step_number(str(name)[:60] or "request")))
        exchange.finished_ns = self._clock_ns()
        exchange.sent_ns = max(visit.began_ns, exchange.finished_ns - round((response_time or 0.0) * 1e6))
        exchange.attempts = 1 + silent_retries(event.get("response"))
        judge_event(exchange, event)
        exchange.degraded = _degraded(self._job.degraded, event.get("response"))
        if exchange.degraded and exchange.outcome is Outcome.OK:
            exchange.outcome = Outcome.DEGRADED
        visit.steps.append(exchange)

    def _end(self, visit: Visit, outcome: Outcome | None, reason: Reason) -> None:
        """Writes the rows. With no outcome given the steps decide: the first that failed, else the last."""
        if visit.is_over:
            return
        visit.is_over = True
        self._open.pop(visit, None)
        steps = visit.steps
        if outcome is None and not steps:
            self.trouble(ValueError("a task ended without a request"))
            outcome, reason = Outcome.NOT_SENT, Reason.JOURNEY_ERROR
        for exchange in steps if len(steps) > 1 else ():
            self._recorder.step(visit.share, visit.index, exchange, exchange.sent_ns)
        total = Exchange(Request(b"", b""))
        if steps:
            told = next((e for e in steps if not e.outcome.is_success), steps[-1])
            total.outcome, total.reason, total.status = told.outcome, told.reason, told.status
            total.degraded = max(e.degraded for e in steps)
            if total.outcome is Outcome.OK and total.degraded:
                total.outcome = Outcome.DEGRADED
            total.sent_ns = steps[0].sent_ns
            total.attempts = min(255, max(1, sum(e.attempts for e in steps) - len(steps) + 1))
            total.bytes_in = sum(e.bytes_in for e in steps)
        elif outcome is not Outcome.NOT_SENT:
            total.sent_ns = visit.began_ns
        if outcome is not None and total.outcome in (Outcome.OK, Outcome.DEGRADED, Outcome.NOT_SENT):
            total.outcome, total.reason = outcome, reason
        total.finished_ns = self._clock_ns()
        self._recorder.leave(total.finished_ns)
        self._recorder.arrival(visit.share, visit.index, total)


def _degraded(signals: Sequence[DegradedSignal], response: Any) -> int:
    headers = getattr(response, "headers", None)
    if headers is None:
        return 0
    for number, signal in enumerate(signals, 1):
        value = headers.get(signal.name)
        if value is not None and (not signal.equals or signal.equals in [v.strip() for v in value.split(",")]):
            return number
    return 0
