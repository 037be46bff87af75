from __future__ import annotations

from typing import Any

import pytest

AZURE = {"name": "az", "mock": "azure", "preset": "instant", "tpm": 6000, "rpm": 600}
KEY = {"api-key": "k"}
ASK = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}


def url_of(lab: Any, operation: str = "chat/completions", query: str = "?api-version=2024-10-21") -> str:
    return f"{lab.urls['az']}/openai/deployments/gpt-main/{operation}{query}"


def test_answers_and_their_headers(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        response = await lab.client.post(url_of(lab), json=ASK, headers=KEY)
        assert response.status_code == 200 and response.json()["model"] == "gpt-main"
        assert "prompt_filter_results" in response.json()
        headers = response.headers
        assert headers["x-ratelimit-limit-tokens"] == "6000" and headers["x-ratelimit-reset-tokens"] == "1"
        assert headers["x-ratelimit-renewalperiod-requests"] == "60" and headers["apim-request-id"]

    in_lab(body, AZURE)


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ("exact", {"retry-after": "5"}),
        ("misleading", {"retry-after": "1", "retry-after-ms": "0"}),
        ("blind", {"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "-1"}),
    ],
)
def test_a_429_has_a_string_for_a_code_and_one_of_three_kinds_of_hint(
    in_lab: Any, hints: str, expected: dict[str, str]
) -> None:
    async def body(lab: Any) -> None:
        await lab.grant("az", "quota", tpm=6000)
        ask = {**ASK, "max_tokens": 495}
        response = await lab.client.post(url_of(lab), json=ask, headers=KEY)
        error = response.json()["error"]
        assert response.status_code == 429 and error["code"] == "429" and "type" not in error
        assert "ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21" in error["message"]
        assert "have exceeded token rate limit" in error["message"]
        assert response.headers["x-ratelimit-type"] == "Tokens"
        assert {k: response.headers[k] for k in expected} == expected
        assert ("retry-after" in response.headers) == (hints != "blind")

    in_lab(body, {**AZURE, "hints": hints})


def test_a_burst_fails_within_the_minute(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        answers = [await lab.client.post(url_of(lab), json=ASK, headers=KEY) for _ in range(8)]
        refused = [a for a in answers if a.status_code == 429]
        assert len(refused) >= 2, "24 a minute are 4 in ten seconds"
        assert refused[0].headers["x-ratelimit-type"] == "Requests"
        assert "call rate limit" in refused[0].json()["error"]["message"]
        assert 1 <= int(refused[0].headers["retry-after"]) <= 10

    in_lab(body, {**AZURE, "rpm": 24})


def test_keys_versions_and_deployments(in_lab: Any) -> None:
    async def body(lab: Any) -> None:
        assert (await lab.client.post(url_of(lab), json=ASK)).json()["error"]["code"] == "401"
        assert (await lab.client.post(url_of(lab, query=""), json=ASK, headers=KEY)).status_code == 404
        assert (await lab.client.post(url_of(lab, "nothing"), json=ASK, headers=KEY)).status_code == 404
        embedded = await lab.client.post(url_of(lab, "embeddings"), json={"input": "x"}, headers=KEY)
        assert embedded.status_code == 200
        await lab.patch("az", models=["other"])
        missing = await lab.client.post(url_of(lab), json=ASK, headers=KEY)
        assert missing.status_code == 404 and missing.json()["error"]["code"] == "DeploymentNotFound"

    in_lab(body, AZURE)
