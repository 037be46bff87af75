from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_services.inference import INFERENCE_PRESETS, Batching, InferenceSettings, Job

EXACT = InferenceSettings(
    max_batch=4,
    kv_tokens=10_000,
    prefill_tokens_per_s=1000,
    prefill_chunk=100,
    step_ms=10,
    step_ms_per_sequence=0,
    step_ms_per_1k_kv=0,
    overhead_ms=50,
)


@dataclass
class Trace:
    """What one job saw: times of its tokens, and of its end."""

    tokens: list[tuple[int, float]] = field(default_factory=list)
    done: list[float] = field(default_factory=list)


class Clock:
    """Drives a server in virtual time, noting what each job sees."""

    def __init__(self, settings: InferenceSettings, seed: int = 1) -> None:
        self.server = Batching(settings, seed)
        self.now = 0.0

    def submit(self, prompt: int, output: int, at: float) -> tuple[Job, Trace]:
        self.run(at)
        trace = Trace()
        job = Job(prompt, output, lambda: trace.done.append(self.now), lambda i: trace.tokens.append((i, self.now)))
        self.server.submit(job, at)
        return job, trace

    def run(self, until: float = math.inf) -> None:
        for _ in range(1_000_000):
            at = self.server.next_s()
            if at > until or at == math.inf:
                break
            self.now = at
            self.server.advance(at)
        else:
            pytest.fail("the server never comes to rest")


def test_one_request_takes_what_the_settings_say() -> None:
    clock = Clock(EXACT)
    _, trace = clock.submit(250, 3, at=1.0)
    clock.run()
    # 50 ms overhead; 100, 100, 50 prompt tokens at 1000/s, each in a 10 ms step; then two steps more
    first = 1.0 + 0.050 + 0.110 + 0.110 + 0.060
    assert [i for i, _ in trace.tokens] == [0, 1, 2]
    assert [t for _, t in trace.tokens] == pytest.approx([first, first + 0.010, first + 0.020])
    assert trace.done == pytest.approx([first + 0.020])


jobs = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 40), st.floats(0, 0.2)), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(jobs, st.integers(50, 2000), st.integers(1, 3), st.integers(1, 6))
def test_every_job_gets_each_of_its_tokens_once_and_in_order_whatever_the_cache(
    plan: list[tuple[int, int, float]], kv: int, replicas: int, batch: int
) -> None:
    clock = Clock(EXACT.model_copy(update={"kv_tokens": kv, "replicas": replicas, "max_batch": batch}))
    at, seen = 0.0, []
    for prompt, output, gap in plan:
        at += gap
        seen.append((output, clock.submit(prompt, output, at)[1]))
    clock.run()
    for output, trace in seen:
        assert [i for i, _ in trace.tokens] == list(range(output))
        assert len(trace.done) == 1
    assert (clock.server.running, clock.server.waiting, clock.server.kv_usage) == (0, 0, 0.0)


@settings(max_examples=40, deadline=None)
@given(jobs, st.sets(st.integers(0, 24)), st.integers(50, 2000))
def test_who_leaves_is_not_served_and_holds_nothing(
    plan: list[tuple[int, int, float]], leaving: set[int], kv: int
) -> None:
    clock = Clock(EXACT.model_copy(update={"kv_tokens": kv}))
    at, seen = 0.0, []
    for prompt, output, gap in plan:
        at += gap
        seen.append(clock.submit(prompt, output, at))
    served = [len(trace.tokens) for _, trace in seen]
    for index in leaving & set(range(len(seen))):
        clock.server.cancel(seen[index][0])
    clock.run()
    for index, (job, trace) in enumerate(seen):
        if index in leaving and served[index] < job.output_tokens:
            assert len(trace.tokens) == served[index] and not trace.done
        else:
            assert len(trace.done) == 1
    assert (clock.server.running, clock.server.waiting, clock.server.kv_usage) == (0, 0, 0.0)


def load(server: InferenceSettings, per_s: float, seconds: float, prompt: int, output: int) -> tuple[float, float]:
    """Median time to first token, and tokens/s of the answers finished in time (10 s), under a constant rate."""
    clock = Clock(server)
    seen = [(k / per_s, clock.submit(prompt, output, k / per_s)[1]) for k in range(int(per_s * seconds))]
    clock.run(seconds)
    first = sorted(t.tokens[0][1] - at if t.tokens else math.inf for at, t in seen)
    good = sum(output for at, t in seen if t.done and t.done[0] - at <= 10)
    return first[len(first) // 2], good / seconds


def test_the_queue_grows_past_the_knee_and_goodput_collapses() -> None:
    small = InferenceSettings(max_batch=64, kv_tokens=6_000, step_ms=10, prefill_tokens_per_s=5000, overhead_ms=5)
    light_ttft, light = load(small, per_s=4, seconds=40, prompt=200, output=100)
    _, knee = load(small, per_s=12, seconds=40, prompt=200, output=100)
    heavy_ttft, heavy = load(small, per_s=40, seconds=40, prompt=200, output=100)
    assert light == pytest.approx(400, rel=0.15), "below the knee all is served"
    assert heavy_ttft > 10 * light_ttft
    assert heavy < 0.6 * knee, "more load, less good work"


def test_a_full_cache_preempts_the_newest_and_its_work_is_done_again() -> None:
    clock = Clock(EXACT.model_copy(update={"kv_tokens": 100}))
    _, old = clock.submit(40, 30, at=0.0)
    _, new = clock.submit(40, 30, at=0.0)
    clock.run()
    assert clock.server.preemptions > 0
    assert old.done[0] < new.done[0]
    gaps = [b - a for (_, a), (_, b) in zip(new.tokens, new.tokens[1:], strict=False)]
    assert max(gaps) > 0.05, "the preempted one waited in mid-answer"


def test_bounded_queue_says_when_it_is_full() -> None:
    clock = Clock(EXACT.model_copy(update={"max_batch": 1, "queue_limit": 2, "overhead_ms": 0}))
    for _ in range(3):
        assert not clock.server.full
        clock.submit(10, 50, at=0.0)
    assert clock.server.full
    clock.run()
    assert not clock.server.full


def test_a_pause_delays_the_first_token_and_can_end_early() -> None:
    def first_token(resume_at: float | None) -> float:
        clock = Clock(EXACT)
        clock.server.pause(30.0, 0.0)
        _, trace = clock.submit(10, 5, at=1.0)
        if resume_at is not None:
            clock.run(resume_at)
            clock.now = resume_at
            clock.server.resume(resume_at)
        clock.run()
        return trace.tokens[0][1]

    assert first_token(None) == pytest.approx(30.02)
    assert first_token(5.0) == pytest.approx(5.02)


def test_a_pause_stops_running_streams_too() -> None:
    clock = Clock(EXACT)
    _, trace = clock.submit(10, 10, at=0.0)
    clock.run(0.09)
    clock.server.pause(9.0, 0.09)
    clock.run(8.0)
    before = len(trace.tokens)
    assert 0 < before < 10
    clock.run()
    assert len(trace.tokens) == 10 and trace.tokens[before][1] > 9.0


def test_changed_settings_hold_from_the_next_step_on() -> None:
    clock = Clock(EXACT)
    _, trace = clock.submit(10, 20, at=0.0)
    clock.run(0.12)
    clock.server.change(EXACT.model_copy(update={"step_ms": 100}), 0.12)
    clock.run()
    times = [t for _, t in trace.tokens]
    assert times[1] - times[0] == pytest.approx(0.010)
    assert times[-1] - times[-2] == pytest.approx(0.100)


def test_replicas_taken_away_finish_what_they_run() -> None:
    wide = EXACT.model_copy(update={"replicas": 3, "max_batch": 1})
    clock = Clock(wide)
    traces = [clock.submit(10, 10, at=0.0)[1] for _ in range(6)]
    clock.run(0.09)
    clock.server.change(wide.model_copy(update={"replicas": 1}), 0.09)
    clock.run()
    assert all(len(t.done) == 1 for t in traces)


@pytest.mark.parametrize(
    ("preset", "ttft_s", "tokens_per_s"),
    [("hosted-chat", (0.3, 0.6), (50, 100)), ("hosted-small", (0.12, 0.35), (100, 200))],
)
def test_presets_answer_at_light_load_as_they_claim(
    preset: str, ttft_s: tuple[float, float], tokens_per_s: tuple[float, float]
) -> None:
    clock = Clock(INFERENCE_PRESETS[preset], seed=7)
    traces = [(k / 2, clock.submit(400, 100, k / 2)[1]) for k in range(80)]
    clock.run()
    firsts = sorted(t.tokens[0][1] - at for at, t in traces)
    rates = sorted(99 / (t.tokens[-1][1] - t.tokens[0][1]) for _, t in traces)
    assert ttft_s[0] < firsts[len(firsts) // 2] < ttft_s[1]
    assert tokens_per_s[0] < rates[5] and rates[-5] < tokens_per_s[1]


def test_the_same_seed_gives_the_same_times() -> None:
    def times(seed: int) -> list[float]:
        clock = Clock(INFERENCE_PRESETS["hosted-chat"], seed)
        return [t for trace in [clock.submit(100, 5, k * 0.1)[1] for k in range(5)] for _, t in trace.tokens] + [
            clock.server.next_s()
        ]

    assert times(1) == times(1)
    assert times(1) != times(2)
