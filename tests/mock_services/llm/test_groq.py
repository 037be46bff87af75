from __future__ import annotations

import asyncio
import re
from typing import Any

GROQ = {"name": "q", "mock": "groq", "preset": "instant", "rpm": 600, "tpm": 15_000, "rpd": 14_400}
KEY = {"authorization": "Bearer gsk"}


async def ask(lab: Any, max_tokens: int = 6) -> Any:
    body = {"model": "llama-x", "messages": [{"role": "user", "content": "hi"}], "max_tokens": max_tokens}
    return await lab.client.post(lab.urls["q"] + "/openai/v1/chat/completions", json=body, headers=KEY)


def test_requests_are_a_days_and_what_was_not_used_is_given_back(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        headers = (await ask(lab, 1000)).headers
        assert headers["x-ratelimit-limit-requests"] == "14400" and headers["x-ratelimit-limit-tokens"] == "15000"
        await lab.patch("q", answer_length="natural", answer_tokens=50, answer_sigma=0)
        await ask(lab, 9000)
        remaining = int((await ask(lab)).headers["x-ratelimit-remaining-tokens"])
        assert remaining > 13_000, "9000 were reserved, 50 were used"

    in_lab(body, GROQ)


def test_a_429_with_a_fraction_and_a_413(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("q", "quota", tpm=15_000)
        response = await ask(lab, 4345)
        message = response.json()["error"]["message"]
        match = re.search(r"Limit 15000, Used (\d+), Requested 4350\. Please try again in (\d+\.\d+)s\.", message)
        assert response.status_code == 429 and match is not None, message
        assert abs((int(match[1]) + 4350 - 15_000) / 15_000 * 60 - float(match[2])) < 0.005
        assert 0 <= float(response.headers["retry-after"]) - float(match[2]) < 0.011
        large = await ask(lab, 16_000)
        assert large.status_code == 413 and "please reduce your message size" in large.json()["error"]["message"]

    in_lab(body, GROQ)


def test_a_full_server_is_a_498(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.patch("q", inference={"queue_limit": 0, "max_batch": 1})
        await lab.grant("q", "cold_start", for_s=30)
        waiting = asyncio.create_task(ask(lab))
        await asyncio.sleep(0.1)
        response = await ask(lab)
        assert response.status_code == 498 and response.json()["error"]["code"] == "capacity_exceeded"
        waiting.cancel()

    in_lab(body, GROQ)
