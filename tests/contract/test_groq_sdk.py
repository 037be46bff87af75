"""The official Groq client, unmodified, by its base URL alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

groq = pytest.importorskip("groq", reason="make test-contract installs the official clients")

ASK: dict[str, Any] = {"model": "llama-x", "messages": [{"role": "user", "content": "hi nonce:s1"}], "max_tokens": 6}


@pytest.fixture
def client(stand: Any) -> Iterator[Any]:
    with groq.Groq(base_url=stand.urls["groq"], api_key="gsk-test") as client:
        yield client


def test_whole_and_stream(client: Any) -> None:
    whole = client.chat.completions.create(**ASK)
    assert "nonce:s1" in whole.choices[0].message.content
    chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert chunks[-1].choices[0].finish_reason == "stop" and chunks[0].x_groq.id


def test_requests_are_a_days_and_tokens_a_minutes(client: Any) -> None:
    headers = client.chat.completions.with_raw_response.create(**ASK).headers
    assert headers["x-ratelimit-limit-requests"] == "14400" and headers["x-ratelimit-limit-tokens"] == "6000"


def test_a_fractional_hint_is_slept(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("groq", "quota", tpm=6000)
    with pytest.raises(groq.RateLimitError) as caught:
        client.chat.completions.create(**{**ASK, "max_tokens": 700})
    hint = caught.value.response.headers["retry-after"]
    assert "." in hint and naps[0] == pytest.approx(float(hint), abs=0.2)
    assert "in organization `org_" in caught.value.message and "Please try again in" in caught.value.message


@pytest.mark.parametrize(("seconds", "slept"), [(60, True), (61, False)])
def test_a_hint_above_a_minute_is_ignored(
    client: Any, stand: Any, naps: list[float], seconds: int, slept: bool
) -> None:
    stand.fault("groq", "throttle", retry_after_s=seconds)
    with pytest.raises(groq.RateLimitError):
        client.chat.completions.create(**ASK)
    assert stand.attempts() == 3
    assert naps == [seconds, seconds] if slept else all(nap <= 1 for nap in naps)


def test_too_large_is_a_413_and_capacity_a_498_neither_retried(client: Any, stand: Any, naps: list[float]) -> None:
    with pytest.raises(groq.APIStatusError) as caught:
        client.chat.completions.create(**{**ASK, "max_tokens": 9000})
    assert caught.value.status_code == 413 and "please reduce your message size" in caught.value.message
    stand.fault("groq", "error", status=498)
    with pytest.raises(groq.APIStatusError) as caught:
        client.chat.completions.create(**ASK)
    assert caught.value.status_code == 498
    assert stand.attempts() == 2 and naps == []
