from __future__ import annotations

import asyncio
from typing import Any


def test_no_key_no_headers_and_its_own_metrics(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        url = lab.urls["v"]
        ask = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
        response = await lab.client.post(url + "/v1/chat/completions", json=ask)
        assert response.status_code == 200 and not [h for h in response.headers if h.startswith("x-ratelimit")]
        assert (await lab.client.get(url + "/health")).status_code == 200
        await lab.grant("v", "cold_start", for_s=30)
        waiting = [asyncio.create_task(lab.client.post(url + "/v1/chat/completions", json=ask)) for _ in range(3)]
        await asyncio.sleep(0.2)
        text = (await lab.client.get(url + "/metrics")).text
        assert 'vllm:num_requests_waiting{engine="0",model_name="gpt-main"} 3' in text
        assert "vllm:kv_cache_usage_perc" in text
        for task in waiting:
            task.cancel()

    in_lab(body, {"name": "v", "mock": "vllm", "preset": "instant"})


def test_a_full_queue_is_a_503_and_errors_are_vllms(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        url = lab.urls["v"] + "/v1/chat/completions"
        ask = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
        await lab.grant("v", "cold_start", for_s=30)
        waiting = asyncio.create_task(lab.client.post(url, json=ask))
        await asyncio.sleep(0.1)
        response = await lab.client.post(url, json=ask)
        assert response.status_code == 503 and "QueueOverflowError" in response.json()["error"]["message"]
        waiting.cancel()
        bad = (await lab.client.post(url, json={"model": "m"})).json()["error"]
        assert (bad["type"], bad["code"]) == ("BadRequestError", 400)

    in_lab(body, {"name": "v", "mock": "vllm", "preset": "instant", "inference": {"queue_limit": 0, "max_batch": 1}})
