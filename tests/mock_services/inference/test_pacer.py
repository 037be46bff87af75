"""Steps on a real loop: nothing early, each step sent before the next one is made, its own lateness counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest

from mock_services.evidence import DelayHistogram
from mock_services.inference import Batching, InferenceSettings, Job, Pacer
from mock_services.loop import clock, run
from mock_services.server import Outbox

SPEED = InferenceSettings(
    replicas=2, max_batch=2, prefill_tokens_per_s=1e9, step_ms=5, step_ms_per_sequence=0, overhead_ms=0
)


class Voice:
    """A stream as the outbox sees it: it says `made` when a token is, and `sent` when it leaves."""

    def __init__(self, name: str, outbox: Outbox, heard: list[str]) -> None:
        self.name, self.outbox, self.heard = name, outbox, heard

    def emit(self, index: int) -> None:
        assert self.outbox.holding, "the chunks of a step leave together"
        self.heard.append(f"made {self.name}{index}")
        self.outbox.add(self)

    def send_held(self) -> None:
        self.heard.append(f"sent {self.name}")


def on_loop(body: Callable[[Pacer, Outbox, DelayHistogram, asyncio.Future[None]], Any]) -> Any:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        outbox, pacing, over = Outbox(), DelayHistogram(), loop.create_future()
        pacer = Pacer(Batching(SPEED, 1), loop, pacing, outbox)
        answer = body(pacer, outbox, pacing, over)
        await asyncio.wait_for(over, 20)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return answer, pacing

    return run(main())


def test_a_step_is_sent_before_the_next_is_made_however_late_they_are() -> None:
    heard: list[str] = []

    def body(pacer: Pacer, outbox: Outbox, pacing: DelayHistogram, over: asyncio.Future[None]) -> None:
        voices = [Voice(name, outbox, heard) for name in "abcd"]
        left = [2, 2, 2, 2]

        def done() -> None:
            left.pop()
            if not left:
                over.set_result(None)

        now = clock() - 1.0  # all of it is due already
        for voice in voices:
            pacer.batching.submit(Job(1, 3, done, voice.emit), now)
        pacer.arm()

    _, pacing = on_loop(body)
    groups = [[word[5:6] for word in group] for _, group in groupby(heard, key=lambda word: word[:4])]
    assert groups[::2] == groups[1::2], "what was made is sent, and then comes the next step"
    assert groups[::2] == [["a"], ["b"], ["a", "c"], ["b", "d"], ["a", "c"], ["b", "d"], ["c"], ["d"]]
    assert pacing.count == 12
    assert pacing.quantile_s(0.5) == pytest.approx(1.0, rel=0.2)


def test_no_token_comes_early_and_whole_answers_are_counted_too() -> None:
    times: list[float] = []

    def body(pacer: Pacer, outbox: Outbox, pacing: DelayHistogram, over: asyncio.Future[None]) -> float:
        began = clock()
        pacer.submit(Job(1, 4, lambda: None, lambda index: times.append(clock())))
        pacer.submit(Job(1, 5, lambda: over.set_result(None)))
        return began

    began, pacing = on_loop(body)
    assert all(at - began >= 0.005 * (index + 1) for index, at in enumerate(times))
    assert pacing.count == 5, "four tokens and an answer"
