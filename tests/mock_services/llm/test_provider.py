"""What holds for every dialect: garbage is refused in form, never a crash; the counts agree with what was served."""

from __future__ import annotations

import random
from typing import Any

import pytest

PATHS = {
    "openai": "/v1/chat/completions",
    "azure": "/openai/deployments/d/chat/completions?api-version=1",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
    "vertex": "/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent?alt=sse",
    "groq": "/openai/v1/chat/completions",
    "vllm": "/v1/responses",
}
HEADERS = {
    "authorization": "Bearer k",
    "api-key": "k",
    "x-api-key": "k",
    "anthropic-version": "2023-06-01",
    "x-goog-api-key": "k",
}


@pytest.mark.parametrize("mock", sorted(PATHS))
def test_garbage_is_refused_in_form_and_never_crashes(in_lab: Any, mock: str) -> None:
    async def body(lab: Any) -> None:
        rng = random.Random(13)
        junk: list[Any] = [
            None,
            0,
            -1,
            2**70,
            1.5,
            True,
            "",
            "x",
            "\x00é\ud7ff",
            [],
            [[]],
            {},
            {"text": 3},
            [{"text": "y"}],
        ]
        keys = ["model", "messages", "max_tokens", "stream", "input", "contents", "n", "system", "generationConfig"]
        keys += ["stream_options", "dimensions", "max_output_tokens", "instructions", "systemInstruction", "content"]
        good = {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "input": "hi",
            "max_tokens": 3,
            "max_output_tokens": 3,
            "contents": [{"parts": [{"text": "hi"}]}],
            "generationConfig": {"maxOutputTokens": 3},
        }
        url = lab.urls["llm"] + PATHS[mock]
        for _ in range(60):
            ask = {**good, **{rng.choice(keys): rng.choice(junk) for _ in range(rng.randint(1, 3))}}
            response = await lab.client.post(url, json=ask, headers=HEADERS)
            assert response.status_code < 500, (ask, response.text)
            if response.status_code >= 400:
                assert "error" in response.json()
        for raw in (b"", b"{", b"\xff\xfe", b"[" * 5000):
            response = await lab.client.post(url, content=raw, headers=HEADERS)
            assert 400 <= response.status_code < 500 and "error" in response.json()
        response = await lab.client.post(url, json=good, headers=HEADERS)
        assert response.status_code == 200
        counts = (await lab.get("/counts"))["llm"]
        assert counts["requests"] == 65 == sum(counts["by_status"].values()) and counts["in_flight"] == 0

    in_lab(body, {"name": "llm", "mock": mock, "preset": "instant", "answer_tokens": 4})
