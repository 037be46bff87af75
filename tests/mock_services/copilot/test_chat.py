"""The wire side: streams that break, callers that leave, queues that are full, and the planted weaknesses."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from mock_services.copilot.weakness import parse_weaknesses
from tests.mock_services.copilot.stage import (
    BREAK,
    DONE,
    ERROR,
    NEVER,
    ROLE,
    Pieces,
    Stage,
    chunk,
    hangs,
    refuses,
    says,
)


def counts(stage: Stage) -> Any:
    return orjson.loads(asyncio.run(stage.call("GET", "/counts")).body)


def test_a_stream_is_passed_on_byte_for_byte_and_piece_by_piece(stage: Stage) -> None:
    pieces = [ROLE, chunk("One"), chunk(" two") + chunk(" three"), chunk(finish="stop"), DONE]
    stage.primary = says(*pieces)
    stage.opens()
    reply = asyncio.run(stage.ask())
    assert reply.body == b"".join(pieces)
    assert reply.pieces[0] == pieces[0] + pieces[1], "the head waits for the first content, and no longer"
    assert reply.pieces[1] == pieces[2]
    assert reply.is_ended


def test_events_cut_anywhere_are_passed_on_whole(stage: Stage) -> None:
    body = b"".join([ROLE, chunk("One"), chunk(" two"), chunk(finish="stop"), DONE])
    stage.primary = says(*[body[at : at + 7] for at in range(0, len(body), 7)])
    stage.opens()
    reply = asyncio.run(stage.ask())
    assert reply.body == body
    assert all(piece.endswith(b"\n\n") for piece in reply.pieces if piece)


def test_an_error_before_the_first_content_is_not_seen_by_the_caller(stage: Stage) -> None:
    stage.primary = says(ROLE, ERROR, DONE)
    stage.opens()
    reply = asyncio.run(stage.ask())
    assert (reply.headers["x-served-by"], reply.text) == ("fallback", "Plan B")


@pytest.mark.parametrize(
    "rest",
    [[ERROR, DONE], [], [BREAK], [NEVER], [b"data: {broken\n\n", DONE], [chunk(finish="stop")]],
    ids=["error", "silent end", "reset", "stall", "malformed", "no end marker"],
)
def test_where_a_stream_breaks_the_caller_is_told_in_the_stream(stage: Stage, rest: list[bytes]) -> None:
    stage.primary = says(ROLE, chunk("Half"), *rest)
    stage.opens(stream_idle_s=0.02, budget_s=30.0)
    reply = asyncio.run(asyncio.wait_for(stage.ask(), 5))
    events = [event for event in reply.body.split(b"\n\n") if event]
    assert reply.text == "Half"
    assert orjson.loads(events[-1][6:])["error"]["code"] == "answer_broken"
    assert DONE not in reply.body
    assert counts(stage)["by_outcome"] == {"broken": 1}


def test_answers_that_break_off_open_the_breaker_though_they_began_well(stage: Stage) -> None:
    stage.primary = says(ROLE, chunk("Half"), ERROR)
    stage.opens()

    async def scene() -> list[str]:
        return [(await stage.ask()).headers["x-served-by"] for _ in range(9)]

    assert asyncio.run(scene()) == ["primary"] * 5 + ["fallback"] * 4


def test_a_whole_answer_that_breaks_is_asked_of_the_next_model(stage: Stage) -> None:
    stage.primary = says(ROLE, chunk("Half"))
    stage.opens()
    reply = asyncio.run(stage.ask(stream=False))
    assert (reply.status, reply.text, reply.headers["x-served-by"]) == (200, "Plan B", "fallback")
    assert stage.calls()["primary"] == 1
    stage.fallback = says(ROLE, chunk("Half"))
    assert asyncio.run(stage.ask("Another question", stream=False)).status == 503


def test_a_whole_answer_has_its_usage(stage: Stage) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    last = b"data: " + orjson.dumps({"choices": [], "usage": usage, "model": "gpt-main"}) + b"\n\n"
    stage.primary = says(chunk("Hi"), chunk(finish="length"), last, DONE)
    stage.opens()
    body = orjson.loads(asyncio.run(stage.ask(stream=False)).body)
    assert body["usage"] == usage
    assert (body["object"], body["model"]) == ("chat.completion", "gpt-main")
    assert body["choices"][0]["finish_reason"] == "length"
    assert (counts(stage)["tokens_in"], counts(stage)["tokens_out"]) == (9, 2)


def test_answers_that_overrun_the_budget_are_ended(stage: Stage) -> None:
    stage.opens(budget_s=10.0)

    async def slow(_: httpx.Request) -> httpx.Response:
        class Late(Pieces):
            async def __aiter__(self) -> Any:
                yield chunk("Half")
                stage.now_s += 11
                yield chunk(" more")
                yield chunk(" and more")
                yield DONE

        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Late([]))

    stage.primary = slow
    reply = asyncio.run(stage.ask())
    assert b"out of time" in reply.body and DONE not in reply.body


def test_a_caller_who_leaves_stops_the_work_for_it(stage: Stage) -> None:
    held: list[Pieces] = []

    async def answer(_: httpx.Request) -> httpx.Response:
        held.append(Pieces([chunk("Hello"), NEVER]))
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=held[0])

    stage.primary = answer
    stage.opens()

    async def scene() -> None:
        leaves = asyncio.Event()
        body = orjson.dumps({"messages": [{"role": "user", "content": "x"}], "stream": True})
        asking = asyncio.create_task(stage.call("POST", "/v1/chat/completions", body, leaves=leaves))
        while not held:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        leaves.set()
        reply = await asyncio.wait_for(asking, 5)
        assert reply.status == 200 and not reply.is_ended
        assert held[0].is_closed, "the provider is told to stop"

    asyncio.run(scene())
    assert counts(stage)["by_outcome"] == {"disconnected": 1}
    assert counts(stage)["in_flight"] == 0
    assert stage.calls()["primary"] == 1 and "fallback" not in stage.calls()


def test_a_full_house_is_shed_with_a_hint(stage: Stage) -> None:
    stage.primary = hangs
    stage.opens(concurrency=1, queue=1, queue_wait_s=0.02, first_token_s=0.1, fallback_url="", vector_url="")

    async def scene() -> list[int]:
        return [reply.status for reply in await asyncio.gather(*(stage.ask() for _ in range(4)))]

    statuses = asyncio.run(scene())
    assert statuses == [503] * 4
    outcomes = counts(stage)["by_outcome"]
    assert outcomes == {"shed": 3, "unanswered": 1}
    assert stage.calls()["primary"] == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": []}', b"\xff\xfe"])
def test_garbage_is_refused_before_anything_is_asked(stage: Stage, body: bytes) -> None:
    stage.opens()
    reply = asyncio.run(stage.call("POST", "/v1/chat/completions", body))
    assert reply.status == 400
    assert orjson.loads(reply.body)["error"]["type"] == "invalid_request_error"
    assert not stage.calls()


def test_too_large_a_body_is_refused(stage: Stage) -> None:
    stage.opens()
    assert asyncio.run(stage.call("POST", "/v1/chat/completions", b"x" * 3_000_000)).status == 413


# weaknesses


def weak(stage: Stage, weakness: str, **changes: Any) -> None:
    stage.opens(weakness=parse_weaknesses(weakness), **changes)


async def ask_often(stage: Stage, times: int) -> list[Any]:
    return [await stage.ask(f"question {n}") for n in range(times)]


def test_no_breaker_calls_the_dead_provider_every_time(stage: Stage) -> None:
    stage.primary = refuses(500)
    weak(stage, "no_breaker")
    asyncio.run(ask_often(stage, 20))
    assert stage.calls()["primary"] == 20


def test_ignore_retry_after_calls_a_throttling_provider_again_at_once(stage: Stage) -> None:
    stage.primary = refuses(429, retry_after="60")
    weak(stage, "ignore_retry_after,no_breaker")
    asyncio.run(ask_often(stage, 3))
    assert stage.calls()["primary"] == 3
    weak(stage, "no_breaker")
    asyncio.run(ask_often(stage, 3))
    assert stage.calls()["primary"] == 4, "without the switch, once"


def test_retry_storm_multiplies_the_calls(stage: Stage) -> None:
    stage.primary = refuses(429)
    weak(stage, "retry_storm=4")
    reply = asyncio.run(stage.ask())
    assert reply.headers["x-served-by"] == "fallback"
    assert stage.calls()["primary"] == 4


def test_no_fallback_has_only_one_model(stage: Stage) -> None:
    stage.primary = refuses(500)
    weak(stage, "no_fallback")
    assert asyncio.run(stage.ask()).status == 503
    assert "fallback" not in stage.calls()


@pytest.mark.parametrize("is_stream", [True, False])
def test_error_in_200_hides_the_failure_inside_a_success(stage: Stage, is_stream: bool) -> None:
    stage.primary = stage.fallback = refuses(500)
    weak(stage, "error_in_200")
    reply = asyncio.run(stage.ask(stream=is_stream))
    assert reply.status == 200
    assert b'"error"' in reply.body
    assert reply.body.endswith(DONE) is is_stream


def test_cut_stream_ends_a_share_of_the_streams_early(stage: Stage) -> None:
    stage.primary = says(*[chunk(f" w{n}") for n in range(30)], chunk(finish="stop"), DONE)
    weak(stage, "cut_stream=0.5")
    replies = asyncio.run(ask_often(stage, 60))
    cut = [reply for reply in replies if DONE not in reply.body]
    assert 15 < len(cut) < 45
    assert all(reply.status == 200 and reply.is_ended and b"error" not in reply.body for reply in cut)
    assert counts(stage)["by_outcome"] == {"cut": len(cut), "ok": 60 - len(cut)}


def test_no_timeout_waits_for_ever(stage: Stage) -> None:
    stage.primary = hangs

    async def scene() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stage.ask(), 0.1)

    weak(stage, "no_timeout", first_token_s=0.01)
    asyncio.run(scene())
    weak(stage, "", first_token_s=0.01)
    assert asyncio.run(stage.ask()).headers["x-served-by"] == "fallback"


def test_unbounded_queue_sheds_nobody(stage: Stage) -> None:
    stage.primary = hangs
    weak(stage, "unbounded_queue", concurrency=1, queue=1, queue_wait_s=0.01)

    async def scene() -> None:
        asking = [asyncio.create_task(stage.ask()) for _ in range(50)]
        done, _ = await asyncio.wait(asking, timeout=0.1)
        assert not done
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    asyncio.run(scene())


def test_memory_leak_leaves_memory_behind(stage: Stage) -> None:
    import tracemalloc

    weak(stage, "memory_leak=1024")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        asyncio.run(ask_often(stage, 8))
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown >= 8 * 1024 * 1024


def test_needs_context_refuses_what_a_degraded_mode_would_answer(stage: Stage) -> None:
    stage.vector = refuses(503)
    weak(stage, "needs_context")
    reply = asyncio.run(stage.ask())
    assert (reply.status, "primary" in stage.calls()) == (503, False)
    weak(stage, "")
    assert asyncio.run(stage.ask()).headers["x-degraded"] == "no-retrieval"


@pytest.mark.parametrize("is_stream", [True, False])
def test_unmarked_degrades_in_silence(stage: Stage, is_stream: bool) -> None:
    stage.primary = refuses(500)
    weak(stage, "unmarked")
    reply = asyncio.run(stage.ask(stream=is_stream))
    assert reply.status == 200
    assert not {"x-served-by", "x-degraded"} & reply.headers.keys()
    assert counts(stage)["by_outcome"] == {"degraded": 1}
