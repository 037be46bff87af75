"""The official OpenAI client, unmodified, by its base URL alone: OpenAI, Azure, vLLM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

openai = pytest.importorskip("openai", reason="make test-contract installs the official clients")

ASK: dict[str, Any] = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi nonce:s1"}], "max_tokens": 6}


@pytest.fixture
def client(stand: Any) -> Iterator[Any]:
    with openai.OpenAI(base_url=stand.urls["openai"] + "/v1", api_key="sk-test") as client:
        yield client


@pytest.fixture
def azure(stand: Any) -> Iterator[Any]:
    with openai.AzureOpenAI(azure_endpoint=stand.urls["azure"], api_key="k", api_version="2024-10-21") as client:
        yield client


def test_whole_stream_embedding_models_and_responses(client: Any) -> None:
    whole = client.chat.completions.create(**ASK)
    assert "nonce:s1" in whole.choices[0].message.content and whole.usage.completion_tokens == 6
    chunks = list(client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    assert "nonce:s1" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[-1].usage.completion_tokens == 6
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    vectors = client.embeddings.create(model="e", input=["a b", "c"], dimensions=32)
    assert [len(d.embedding) for d in vectors.data] == [32, 32]
    assert next(iter(client.models.list())).id == "gpt-main"
    said = client.responses.create(model="gpt-x", input="hi nonce:s2", max_output_tokens=5)
    assert "nonce:s2" in said.output_text and said.status == "completed"
    events = list(client.responses.create(model="gpt-x", input="hi", max_output_tokens=5, stream=True))
    assert events[0].type == "response.created" and events[-1].response.status == "completed"


def test_headers_are_where_the_raw_response_has_them(client: Any) -> None:
    raw = client.chat.completions.with_raw_response.create(**ASK)
    assert raw.headers["x-ratelimit-limit-tokens"] == "60000" and raw.parse().choices


@pytest.mark.parametrize("seconds", [1, 7, 120])
def test_a_hint_up_to_two_minutes_is_slept_and_three_attempts_are_made(
    client: Any, stand: Any, naps: list[float], seconds: int
) -> None:
    stand.fault("openai", "throttle", retry_after_s=seconds)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**ASK)
    assert caught.value.code == "rate_limit_exceeded" and caught.value.type == "tokens"
    assert stand.attempts() == 3 and naps == [seconds, seconds]


def test_a_longer_hint_means_no_retry_at_all(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("openai", "throttle", retry_after_s=130)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**ASK)
    assert stand.attempts() == 1 and naps == []


@pytest.mark.parametrize("hint", [{"form": "zero"}, {"form": "missing"}, {"form": "text"}])
def test_without_a_usable_hint_it_backs_off_by_its_own_formula(
    client: Any, stand: Any, naps: list[float], hint: dict[str, Any]
) -> None:
    stand.fault("openai", "throttle")
    stand.fault("openai", "hint", **hint)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**ASK)
    assert stand.attempts() == 3
    assert 0.375 <= naps[0] <= 0.5 and 0.75 <= naps[1] <= 1.0


@pytest.mark.parametrize(
    ("hint", "slept"),
    [({"form": "ms", "value_s": 0.25}, 0.25), ({"form": "float", "value_s": 7.66}, 7.66)],
)
def test_hints_in_milliseconds_and_fractions(
    client: Any, stand: Any, naps: list[float], hint: dict[str, Any], slept: float
) -> None:
    stand.fault("openai", "throttle")
    stand.fault("openai", "hint", **hint)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**ASK)
    assert naps == pytest.approx([slept, slept])


def test_a_hint_as_a_date(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("openai", "throttle")
    stand.fault("openai", "hint", form="date", value_s=20)
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**ASK)
    assert all(18 <= nap <= 21 for nap in naps) and len(naps) == 2


def test_the_real_limiters_hint_is_what_the_client_sleeps(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("openai", "quota", tpm=6000)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**{**ASK, "max_tokens": 500})
    assert "Limit 6000" in caught.value.message and naps[0] == 5


def test_a_hard_quota_is_retried_in_vain(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("openai", "hard_quota")
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**ASK)
    assert caught.value.code == "insufficient_quota" and stand.attempts() == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (404, "NotFoundError"),
        (500, "InternalServerError"),
        (503, "InternalServerError"),
    ],
)
def test_errors_are_the_clients_own_classes(client: Any, stand: Any, naps: list[float], status: int, kind: str) -> None:
    stand.fault("openai", "error", status=status)
    with pytest.raises(getattr(openai, kind)):
        client.chat.completions.create(**ASK)
    assert stand.attempts() == (3 if status >= 500 else 1)


def test_streams_that_fail(client: Any, stand: Any) -> None:
    def read() -> str:
        chunks = client.chat.completions.create(**ASK, stream=True)
        return "".join(c.choices[0].delta.content or "" for c in chunks)

    stand.fault("openai", "in_band_error", after_chunks=3)
    with pytest.raises(openai.APIError) as caught:
        read()
    assert not hasattr(caught.value, "status_code")
    stand.heal()
    stand.fault("openai", "cut", after_chunks=3)
    with pytest.raises(Exception, match=r".") as broken:
        read()
    assert "APIConnection" in type(broken.value).__name__ or "httpx" in type(broken.value).__module__
    stand.heal()
    stand.fault("openai", "silent_eof", after_chunks=3)
    assert read(), "a clean end without [DONE] is no error to this client: the trap is reproduced"


def test_refused_and_black_hole(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("openai", "refuse")
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**ASK)
    assert len(naps) == 2
    stand.heal()
    stand.fault("openai", "black_hole")
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2, max_retries=0).chat.completions.create(**ASK)


def test_azure_whole_stream_and_embedding(azure: Any) -> None:
    assert azure.chat.completions.create(**ASK).usage.completion_tokens == 6
    chunks = list(azure.chat.completions.create(**ASK, stream=True))
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(azure.embeddings.create(model="e", input="x").data[0].embedding) == 1536


def test_azure_limits_speak_azure(azure: Any, stand: Any, naps: list[float]) -> None:
    raw = azure.chat.completions.with_raw_response.create(**ASK)
    assert raw.headers["x-ratelimit-reset-requests"].isdigit() and raw.headers["apim-request-id"]
    stand.fault("azure", "quota", tpm=6000)
    with pytest.raises(openai.RateLimitError) as caught:
        azure.chat.completions.create(**{**ASK, "max_tokens": 500})
    assert caught.value.code == "429" and caught.value.type is None
    assert "have exceeded token rate limit of your current OpenAI S0 pricing tier" in caught.value.message
    assert caught.value.response.headers["x-ratelimit-type"] == "Tokens"
    assert stand.attempts() == 4
    assert all(4.5 < nap <= 5.2 for nap in naps), "retry-after-ms comes before retry-after"
    stand.heal()
    stand.patch("azure", hints="misleading")
    try:
        naps.clear()
        stand.fault("azure", "quota", tpm=6000)
        with pytest.raises(openai.RateLimitError):
            azure.chat.completions.create(**{**ASK, "max_tokens": 500})
        assert all(nap <= 1 for nap in naps), "the hint lies, and the client believes it"
    finally:
        stand.patch("azure", hints="exact")


def test_azure_bursts_fail_within_the_minute(azure: Any, stand: Any, naps: list[float]) -> None:
    stand.patch("azure", rpm=30)
    try:
        codes = []
        for _ in range(8):
            try:
                azure.with_options(max_retries=0).chat.completions.create(**ASK)
                codes.append(200)
            except openai.RateLimitError as error:
                codes.append(error.status_code)
                assert "call rate limit" in error.message
        assert codes.count(429) >= 2, "30 a minute are 5 in ten seconds"
    finally:
        stand.patch("azure", rpm=600)


def test_vllm_needs_no_key_and_says_503_when_its_queue_is_full(stand: Any) -> None:
    with openai.OpenAI(base_url=stand.urls["vllm"] + "/v1", api_key="none", max_retries=0) as client:
        assert client.chat.completions.create(**ASK).usage.completion_tokens == 6
        stand.patch("vllm", inference={"queue_limit": 0, "max_batch": 1, "step_ms": 200})
        try:
            stream = client.chat.completions.create(**{**ASK, "max_tokens": 50}, stream=True)
            next(iter(stream))
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(**ASK)
            assert caught.value.status_code == 503 and "QueueOverflow" in caught.value.message
            stream.close()
        finally:
            stand.patch("vllm", inference={"queue_limit": None, "max_batch": 10_000, "step_ms": 1})
