"""The OpenAI dialect over real sockets: shapes, headers, errors, and the counts that follow from them."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any

import numpy as np
import pytest

KEY = {"authorization": "Bearer sk-test-1234"}
LIMITED = {"name": "llm", "mock": "openai", "preset": "instant", "tpm": 6000, "rpm": 60}
NAMES = [f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")]


def test_a_whole_answer(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        response = await lab.chat(text="say it with nonce:Ab_9-z please", max_tokens=12)
        said = response.json()
        choice = said["choices"][0]
        assert response.status_code == 200 and said["object"] == "chat.completion" and said["model"] == "gpt-x"
        assert choice["finish_reason"] == "stop" and choice["message"]["role"] == "assistant"
        assert choice["message"]["content"].startswith("[served-by:llm] nonce:Ab_9-z ")
        assert said["usage"]["completion_tokens"] == 12
        assert said["usage"]["total_tokens"] == 12 + said["usage"]["prompt_tokens"]
        again = (await lab.chat(text="say it with nonce:Ab_9-z please", max_tokens=12)).json()
        assert again["choices"] == said["choices"] and again["id"] != said["id"]

    in_lab(body)


def test_a_stream_says_the_same_as_the_whole(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        events = await lab.stream(max_tokens=9, stream_options={"include_usage": True}, n=2)
        assert events[-1] == "[DONE]"
        chunks = [json.loads(e) for e in events[:-1]]
        assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
        assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] == 18
        assert all(c["usage"] is None for c in chunks[:-1])
        for index in (0, 1):
            choices = [ch for c in chunks for ch in c["choices"] if ch["index"] == index]
            text = "".join(ch["delta"].get("content") or "" for ch in choices)
            assert text.startswith("[served-by:llm] ") and choices[-1]["finish_reason"] == "stop"
            assert sum(bool(ch["delta"].get("content")) for ch in choices) == 9

    in_lab(body)


def test_natural_answers_are_cut_by_max_tokens_and_say_so(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        short = (await lab.chat(max_tokens=3)).json()
        assert short["choices"][0]["finish_reason"] == "length" and short["usage"]["completion_tokens"] == 3
        long = (await lab.chat(max_tokens=4000)).json()
        assert long["choices"][0]["finish_reason"] == "stop" and 20 < long["usage"]["completion_tokens"] < 1000

    in_lab(body, {"name": "llm", "mock": "openai", "preset": "instant", "answer_length": "natural"})


def test_six_headers_on_every_answer_and_they_add_up(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        response = await lab.chat(max_tokens=600)
        assert [response.headers[n] for n in NAMES[:2]] == ["60", "6000"]
        assert (response.headers["x-ratelimit-remaining-requests"], response.headers["x-ratelimit-reset-requests"]) == (
            "59",
            "1s",
        )
        assert response.headers["x-ratelimit-remaining-tokens"] == "5400"
        assert response.headers["x-ratelimit-reset-tokens"] == "6s"
        assert response.headers["x-request-id"].startswith("req_")
        for path, method in (("/v1/models", "GET"), ("/v1/embeddings", "POST"), ("/v1/nothing", "GET")):
            other = await lab.client.request(
                method, lab.urls["llm"] + path, headers=KEY, json={"model": "e", "input": "x"}
            )
            assert all(name in other.headers for name in NAMES), path

    in_lab(body, LIMITED)


def test_a_429_in_openais_own_words_and_its_hint_is_true(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        assert (await lab.chat(text="x" * 4 * 5986)).status_code == 200, "a prompt counts by its characters"
        response = await lab.chat(max_tokens=100)
        error = response.json()["error"]
        assert response.status_code == 429
        assert (error["type"], error["code"], error["param"]) == ("tokens", "rate_limit_exceeded", None)
        match = re.fullmatch(
            r"Rate limit reached for gpt-x in organization org-[0-9a-f]{24} on tokens per min \(TPM\): Limit 6000, "
            r"Used (\d+), Requested 100\. Please try again in (\d+)ms\. "
            r"Visit https://platform\.openai\.com/account/rate-limits to learn more\.",
            error["message"],
        )
        assert match is not None, error["message"]
        used, wait_ms = int(match[1]), int(match[2])
        assert wait_ms == pytest.approx((used + 100 - 6000) / 6000 * 60_000, abs=10), (
            "to the token that Used is rounded up"
        )
        assert response.headers["retry-after"] == "1"
        assert all(name in response.headers for name in NAMES)
        await asyncio.sleep(wait_ms / 1000 + 0.001)
        assert (await lab.chat(max_tokens=100)).status_code == 200

    in_lab(body, LIMITED)


def test_rpm_is_a_limit_of_its_own(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        codes = [(await lab.chat(max_tokens=1)).status_code for _ in range(3)]
        assert codes == [200, 200, 429]
        error = (await lab.chat(max_tokens=1)).json()["error"]
        assert (
            error["type"] == "requests" and "requests per min (RPM): Limit 2, Used 2, Requested 1" in error["message"]
        )

    in_lab(body, {"name": "llm", "mock": "openai", "preset": "instant", "rpm": 2})


def test_too_large_a_request_has_no_hint(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        response = await lab.chat(max_tokens=7000)
        assert response.status_code == 429 and "retry-after" not in response.headers
        assert "Request too large for gpt-x" in response.json()["error"]["message"]
        assert "Limit 6000, Requested 7000." in response.json()["error"]["message"]

    in_lab(body, LIMITED)


def test_concurrency_is_freed_when_the_client_leaves(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        slow = asyncio.create_task(lab.chat(max_tokens=4000))
        await asyncio.sleep(0.05)
        assert (await lab.chat()).status_code == 429
        slow.cancel()
        await asyncio.sleep(0.05)
        assert (await lab.chat()).status_code == 200
        assert (await lab.get("/counts"))["llm"]["by_outcome"] == {"disconnected": 1, "ok": 1, "throttled": 1}

    in_lab(body, {"name": "llm", "mock": "openai", "preset": "instant", "concurrency": 1})


def test_a_full_queue_is_a_503(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.patch("llm", inference={"max_batch": 1, "queue_limit": 1, "step_ms": 20})
        answers = await asyncio.gather(*(lab.chat() for _ in range(6)))
        codes = sorted(a.status_code for a in answers)
        assert codes[:2] == [200, 200] and codes[-1] == 503
        refused = next(a for a in answers if a.status_code == 503)
        assert refused.json()["error"]["message"] == "The engine is currently overloaded, please try again later"

    in_lab(body)


@pytest.mark.parametrize(
    ("path", "sent", "status", "word"),
    [
        ("/v1/chat/completions", b"{", 400, "parse the JSON"),
        ("/v1/chat/completions", b"[1]", 400, "parse the JSON"),
        ("/v1/chat/completions", b"{}", 400, "model"),
        ("/v1/chat/completions", b'{"model": "m"}', 400, "messages"),
        ("/v1/chat/completions", b'{"model": "m", "messages": []}', 400, "messages"),
        ("/v1/chat/completions", b'{"model": "m", "messages": [{}], "max_tokens": -1}', 400, "max_tokens"),
        ("/v1/chat/completions", b'{"model": "m", "messages": [{}], "max_tokens": 500000}', 400, "context length"),
        ("/v1/responses", b'{"model": "m"}', 400, "input"),
        ("/v1/embeddings", b'{"model": "m"}', 400, "input"),
        ("/v1/embeddings", b'{"model": "m", "input": [""], "dimensions": 9999}', 400, "dimensions"),
        ("/v1/nothing", b"{}", 404, "Invalid URL"),
    ],
)
def test_what_is_wrong_is_said(in_lab: Any, path: str, sent: bytes, status: int, word: str) -> None:
    async def body(lab: Any) -> None:
        response = await lab.client.post(lab.urls["llm"] + path, content=sent, headers=KEY)
        error = response.json()["error"]
        assert response.status_code == status and word in error["message"]
        assert error["type"] == "invalid_request_error"

    in_lab(body)


def test_keys_and_models_where_they_are_listed(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        url = f"{lab.urls['llm']}/v1/models"
        assert (await lab.client.get(url)).status_code == 401
        wrong = await lab.client.get(url, headers={"authorization": "Bearer sk-wrong-9999"})
        assert wrong.status_code == 401 and wrong.json()["error"]["code"] == "invalid_api_key"
        assert "sk-wrong-9999" not in wrong.text
        assert [m["id"] for m in (await lab.client.get(url, headers=KEY)).json()["data"]] == ["gpt-x", "gpt-y"]
        assert (await lab.client.get(url + "/gpt-y", headers=KEY)).json()["id"] == "gpt-y"
        assert (await lab.chat(model="gpt-z")).json()["error"]["code"] == "model_not_found"
        assert (await lab.chat(model="gpt-x")).status_code == 200

    in_lab(
        body,
        {
            "name": "llm",
            "mock": "openai",
            "preset": "instant",
            "api_keys": ["sk-test-1234"],
            "models": ["gpt-x", "gpt-y"],
        },
    )


def test_embeddings_mean_something(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        async def ask(**fields: Any) -> list[Any]:
            response = await lab.client.post(
                f"{lab.urls['llm']}/v1/embeddings", json={"model": "e", **fields}, headers=KEY
            )
            assert response.status_code == 200, response.text
            return [d["embedding"] for d in response.json()["data"]]

        refund, also, other = [
            np.array(v) for v in await ask(input=["refund my order", "my order refund please", "weather in Oslo"])
        ]
        assert len(refund) == 1536 and np.linalg.norm(refund) == pytest.approx(1, abs=1e-5)
        assert refund @ also > refund @ other + 0.3
        (coded,) = await ask(input="refund my order", encoding_format="base64")
        assert np.frombuffer(base64.b64decode(coded), "<f4") == pytest.approx(refund, abs=1e-6)
        assert [len(v) for v in await ask(input=[[1, 2, 3], [4]], dimensions=64)] == [64, 64]

    in_lab(body)


def test_responses_whole_and_streamed(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        url = f"{lab.urls['llm']}/v1/responses"
        ask = {"model": "gpt-x", "input": "hello nonce:q1", "max_output_tokens": 6}
        whole = (await lab.client.post(url, json=ask, headers=KEY)).json()
        text = whole["output"][0]["content"][0]["text"]
        assert whole["status"] == "completed" and "nonce:q1" in text and whole["usage"]["output_tokens"] == 6
        async with lab.client.stream("POST", url, json={**ask, "stream": True}, headers=KEY) as response:
            lines = [line async for line in response.aiter_lines()]
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        assert [e["sequence_number"] for e in events] == list(range(len(events)))
        assert [line[7:] for line in lines if line.startswith("event: ")] == [e["type"] for e in events]
        assert events[-1]["type"] == "response.completed"
        streamed = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
        assert streamed == events[-1]["response"]["output"][0]["content"][0]["text"]

    in_lab(body)


def test_regions_have_their_own_capacity_and_distance(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        near, far = await lab.chat("near"), await lab.chat("far")
        assert near.headers["x-ratelimit-limit-tokens"] == "60000"
        assert far.headers["x-ratelimit-limit-tokens"] == "36000"
        assert far.elapsed.total_seconds() >= 0.08
        changed = await lab.patch("far", capacity=1.0)
        assert changed["capacity"] == 1.0
        assert (await lab.chat("far")).headers["x-ratelimit-limit-tokens"] == "60000"

    region = {"mock": "openai", "preset": "instant", "tpm": 60_000}
    far = {**region, "name": "far", "region": "eu-west", "capacity": 0.6, "distance_ms": 80}
    in_lab(body, {**region, "name": "near"}, far)
