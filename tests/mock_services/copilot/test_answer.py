"""The degraded modes, each planted and seen, beside the healthy case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from tests.mock_services.copilot.stage import (
    DONE,
    ROLE,
    Pieces,
    Stage,
    answers,
    chunk,
    hangs,
    is_dead,
    refuses,
    says,
    streams,
)

QUICK = {"first_token_s": 0.02, "embed_s": 0.02, "vector_s": 0.02, "tool_s": 0.02}


def test_a_healthy_answer_goes_through_every_step(stage: Stage) -> None:
    stage.opens()
    reply = asyncio.run(stage.ask(tool_choice="required"))
    assert (reply.status, reply.text) == (200, "Hello there")
    assert reply.headers["x-served-by"] == "primary"
    assert "x-degraded" not in reply.headers
    assert stage.calls() == {"embeddings": 1, "vector": 1, "tools": 1, "primary": 1}
    told = stage.body("primary")["messages"][0]["content"]
    assert "Refunds take ten days." in told and "called /tools/" in told


def test_the_vector_search_gets_the_embedding_of_the_question(stage: Stage) -> None:
    stage.opens(top_k=7, collection="handbook")
    asyncio.run(stage.ask("Where is it?"))
    assert stage.body("embeddings")["input"] == "Where is it?"
    assert stage.body("vector") == {"query": [0.5, 0.5], "limit": 7, "with_payload": True}
    assert stage.asked["vector"][0].url.path == "/collections/handbook/points/query"
    assert stage.asked["primary"][0].headers["authorization"] == "Bearer copilot-primary"
    assert "authorization" not in stage.asked["vector"][0].headers


def test_every_upstream_call_carries_the_run_and_the_arrival(stage: Stage) -> None:
    stage.opens()
    body = orjson.dumps({"messages": [{"role": "user", "content": "x"}], "tool_choice": "required"})
    sent = {"x-peakproof-run": "7f3k", "x-peakproof-seq": "12", "traceparent": "00-1-2-01"}
    asyncio.run(stage.call("POST", "/v1/chat/completions", body, sent))
    for role, requests in stage.asked.items():
        for name, value in sent.items():
            assert requests[0].headers[name] == value, role


@pytest.mark.parametrize(
    "broken",
    [
        refuses(429, retry_after="1"),
        refuses(500),
        refuses(503),
        refuses(401),
        is_dead,
        hangs,
        says(chunk("x"), kind="application/json"),
        says(b"data: [DONE]\n\n"),
        says(b"data: {broken\n\n"),
        says(),
    ],
    ids=["429", "500", "503", "401", "refused", "black hole", "no stream", "empty", "malformed", "cut"],
)
def test_where_the_primary_fails_the_fallback_answers_and_it_is_marked(stage: Stage, broken: object) -> None:
    stage.primary = broken  # type: ignore[assignment]
    stage.opens(**QUICK)
    for is_stream in (True, False):
        stage.now_s += 60
        reply = asyncio.run(stage.ask(stream=is_stream))
        assert (reply.status, reply.text) == (200, "Plan B")
        assert (reply.headers["x-served-by"], reply.headers["x-degraded"]) == ("fallback", "fallback-model")
    assert stage.body("fallback")["model"] == "gpt-small"


@pytest.mark.parametrize("step", ["embeddings", "vector"])
@pytest.mark.parametrize("broken", [refuses(429), refuses(503), is_dead, hangs, says(b"{", kind="application/json")])
def test_without_retrieval_the_answer_still_comes_and_is_marked(stage: Stage, step: str, broken: object) -> None:
    setattr(stage, step, broken)
    stage.opens(**QUICK)
    reply = asyncio.run(stage.ask())
    assert (reply.status, reply.text) == (200, "Hello there")
    assert (reply.headers["x-served-by"], reply.headers["x-degraded"]) == ("primary", "no-retrieval")
    assert "Passages" not in stage.body("primary")["messages"][0]["content"]


def test_finding_nothing_is_marked_though_nothing_failed(stage: Stage) -> None:
    stage.vector = answers({"result": {"points": []}, "status": "ok"})
    stage.opens()
    reply = asyncio.run(stage.ask())
    assert (reply.status, reply.headers["x-degraded"]) == (200, "no-retrieval")


def test_several_degradations_are_listed(stage: Stage) -> None:
    stage.vector = stage.tools = is_dead
    stage.primary = refuses(500)
    stage.opens()
    reply = asyncio.run(stage.ask(tool_choice="required"))
    assert reply.headers["x-degraded"] == "fallback-model,no-retrieval,no-tools"


def test_a_dead_vector_database_is_left_alone_after_a_while(stage: Stage) -> None:
    stage.vector = is_dead
    stage.opens()

    async def scene() -> None:
        for _ in range(20):
            reply = await stage.ask()
            assert reply.headers["x-degraded"] == "no-retrieval"

    asyncio.run(scene())
    assert stage.calls()["vector"] == 10
    assert stage.calls()["primary"] == 20


def test_a_dead_primary_is_left_alone_probed_and_taken_back(stage: Stage) -> None:
    stage.primary = refuses(500)
    stage.opens()

    async def scene() -> None:
        for _ in range(20):
            assert (await stage.ask()).headers["x-served-by"] == "fallback"
        assert stage.calls()["primary"] == 5
        stage.now_s += 2.1
        for _ in range(5):
            assert (await stage.ask()).headers["x-served-by"] == "fallback"
        assert stage.calls()["primary"] == 6, "one probe, and it failed"
        stage.primary = streams("Back")
        stage.now_s += 4.1
        for _ in range(5):
            reply = await stage.ask()
            assert (reply.headers["x-served-by"], reply.text) == ("primary", "Back")

    asyncio.run(scene())


def test_a_hint_is_honoured_at_once_and_to_the_end(stage: Stage) -> None:
    stage.primary = refuses(429, retry_after="20")
    stage.opens()

    async def scene() -> None:
        await stage.ask()
        stage.primary = streams("Back")
        stage.now_s += 19.9
        assert (await stage.ask()).headers["x-served-by"] == "fallback"
        assert stage.calls()["primary"] == 1
        stage.now_s += 0.2
        assert (await stage.ask()).headers["x-served-by"] == "primary"

    asyncio.run(scene())


def test_the_last_resort_is_an_answer_given_before(stage: Stage) -> None:
    stage.opens()

    async def scene() -> None:
        await stage.ask("How long do refunds take?")
        stage.primary = stage.fallback = refuses(503)
        for is_stream in (True, False):
            reply = await stage.ask("how long do refunds  take?", stream=is_stream)
            assert (reply.status, reply.text) == (200, "Hello there")
            assert (reply.headers["x-served-by"], reply.headers["x-degraded"]) == ("cache", "cached-answer")
        unknown = await stage.ask("Another question")
        assert unknown.status == 503

    asyncio.run(scene())


def test_with_nothing_left_it_says_so_and_when_to_come_back(stage: Stage) -> None:
    stage.primary = refuses(429, retry_after="30")
    stage.fallback = refuses(429, retry_after="12.2")
    stage.opens()
    reply = asyncio.run(stage.ask())
    assert (reply.status, reply.headers["retry-after"]) == (503, "13")
    assert orjson.loads(reply.body)["error"]["code"] == "no_model_available"
    assert "x-served-by" not in reply.headers


def test_an_answer_that_broke_off_is_not_kept_for_later(stage: Stage) -> None:
    stage.primary = says(chunk("Half an"))
    stage.fallback = refuses(503)
    stage.opens()

    async def scene() -> None:
        await stage.ask()
        stage.primary = refuses(503)
        assert (await stage.ask()).status == 503

    asyncio.run(scene())


def test_what_is_the_callers_own_fault_is_passed_back_and_blames_nobody(stage: Stage) -> None:
    stage.primary = says(b'{"error":{"message":"context too long"}}', status=400, kind="application/json")
    stage.opens()

    async def scene() -> None:
        for _ in range(8):
            reply = await stage.ask()
            assert (reply.status, reply.body) == (400, b'{"error":{"message":"context too long"}}')

    asyncio.run(scene())
    assert stage.calls()["primary"] == 8, "the breaker stays closed"
    assert "fallback" not in stage.calls()


def test_a_slow_primary_leaves_time_for_the_fallback(stage: Stage) -> None:
    stage.primary = hangs
    stage.opens(budget_s=0.06, first_token_s=100.0)
    reply = asyncio.run(asyncio.wait_for(stage.ask(), 5))
    assert reply.headers["x-served-by"] == "fallback"


def test_features_without_an_address_are_off_not_degraded(stage: Stage) -> None:
    stage.opens(vector_url="", tools_url="", fallback_url="")
    reply = asyncio.run(stage.ask(tool_choice="required"))
    assert "x-degraded" not in reply.headers
    assert stage.calls() == {"primary": 1}


@pytest.mark.parametrize(("gap_s", "calls"), [(0.05, 12), (0.2, 5)])
def test_a_model_that_streams_too_slowly_is_left_alone_though_its_answers_are_whole(
    stage: Stage, gap_s: float, calls: int
) -> None:
    class Slow(Pieces):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in super().__aiter__():
                stage.now_s += gap_s
                yield piece

    async def slow(_: httpx.Request) -> httpx.Response:
        pieces = [ROLE, *(chunk(f" {n}") for n in range(12)), chunk(finish="stop"), DONE]
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Slow(pieces))

    async def scene() -> list[str]:
        return [(await stage.ask()).headers["x-served-by"] for _ in range(12)]

    stage.primary = slow
    stage.opens(vector_url="")
    assert asyncio.run(scene()) == ["primary"] * calls + ["fallback"] * (12 - calls)
