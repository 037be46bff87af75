from __future__ import annotations

import json
from typing import Any

GEMINI = {"name": "g", "mock": "gemini", "preset": "instant", "rpm": 250}
KEY = {"x-goog-api-key": "k"}
ASK = {"contents": [{"role": "user", "parts": [{"text": "hi nonce:n1"}]}], "generationConfig": {"maxOutputTokens": 6}}


async def ask(lab: Any, verb: str = "generateContent", **fields: Any) -> Any:
    url = f"{lab.urls['g']}/v1beta/models/gemini-x:{verb}"
    return await lab.client.post(url, json={**ASK, **fields}, headers=KEY)


def text_of(answer: dict[str, Any]) -> str:
    return answer["candidates"][0]["content"]["parts"][0]["text"]


def test_whole_sse_and_array_say_the_same(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        whole = (await ask(lab)).json()
        assert text_of(whole).startswith("[served-by:g] nonce:n1")
        assert whole["candidates"][0]["finishReason"] == "STOP"
        sse = (await ask(lab, "streamGenerateContent?alt=sse")).text
        chunks = [json.loads(line[6:]) for line in sse.splitlines() if line.startswith("data: ")]
        array = (await ask(lab, "streamGenerateContent")).json()
        for pieces in (chunks, array):
            assert "".join(map(text_of, pieces)) == text_of(whole) and len(pieces) == 6
            assert [p["usageMetadata"]["candidatesTokenCount"] for p in pieces] == [1, 2, 3, 4, 5, 6]
            assert pieces[-1]["usageMetadata"] == whole["usageMetadata"]
            assert [p["candidates"][0].get("finishReason") for p in pieces] == [None] * 5 + ["STOP"]

    in_lab(body, GEMINI)


def test_the_hint_is_in_the_body_only(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("g", "quota", rpm=6)
        response = await ask(lab)
        assert response.status_code == 429 and "retry-after" not in response.headers
        error = response.json()["error"]
        assert error["status"] == "RESOURCE_EXHAUSTED"
        assert error["details"][1]["violations"][0]["quotaId"].startswith("GenerateRequestsPerMinute")
        delay = error["details"][2]["retryDelay"]
        assert delay in ("9s", "10s") and f"Please retry in {delay[:-1]}" in error["message"]

    in_lab(body, GEMINI)


def test_vertex_refuses_when_its_pool_is_busy(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        url = f"{lab.urls['v']}/v1/projects/p/locations/us-central1/publishers/google/models/gemini-x:generateContent"
        headers = {"authorization": "Bearer t"}
        answers = [await lab.client.post(url, json=ASK, headers=headers) for _ in range(40)]
        refused = [a for a in answers if a.status_code == 429]
        assert 8 <= len(refused) <= 32
        assert "details" not in refused[0].json()["error"], "it is nobody's quota: there is nothing to tell"
        await lab.patch("v", pool_busy=0)
        assert (await lab.client.post(url, json=ASK, headers=headers)).status_code == 200

    in_lab(body, {"name": "v", "mock": "vertex", "preset": "instant", "pool_busy": 0.5})


def test_embeddings_counts_and_errors(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        one = await ask(lab, "embedContent", content={"parts": [{"text": "a"}]}, outputDimensionality=8)
        assert len(one.json()["embedding"]["values"]) == 8
        assert (await ask(lab, "countTokens")).json()["totalTokens"] == 4
        assert (await ask(lab, contents=[])).json()["error"]["status"] == "INVALID_ARGUMENT"
        assert (await ask(lab, "paint")).json()["error"]["status"] == "NOT_FOUND"
        await lab.grant("g", "error", status=503)
        assert (await ask(lab)).json()["error"]["message"] == "The model is overloaded. Please try again later."

    in_lab(body, GEMINI)
