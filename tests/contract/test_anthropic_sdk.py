"""The official Anthropic client, unmodified, by its base URL alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

anthropic = pytest.importorskip("anthropic", reason="make test-contract installs the official clients")

ASK: dict[str, Any] = {"model": "claude-x", "messages": [{"role": "user", "content": "hi nonce:s1"}], "max_tokens": 6}


@pytest.fixture
def client(stand: Any) -> Iterator[Any]:
    with anthropic.Anthropic(base_url=stand.urls["anthropic"], api_key="sk-ant-test") as client:
        yield client


def test_whole_stream_and_count(client: Any) -> None:
    whole = client.messages.create(**ASK)
    assert "nonce:s1" in whole.content[0].text
    assert (whole.stop_reason, whole.usage.output_tokens) == ("end_turn", 6)
    with client.messages.stream(**ASK) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert final.content[0].text == text and final.usage.output_tokens == 6
    kinds = [event.type for event in client.messages.create(**ASK, stream=True)]
    assert kinds[:2] == ["message_start", "content_block_start"] and kinds[-1] == "message_stop"
    assert client.messages.count_tokens(model="claude-x", messages=ASK["messages"]).input_tokens > 0


def test_twelve_headers(client: Any) -> None:
    headers = client.messages.with_raw_response.create(**ASK).headers
    names = [n for n in headers if n.startswith("anthropic-ratelimit-")]
    assert len(names) == 12
    assert headers["anthropic-ratelimit-input-tokens-limit"] == "50000"
    assert int(headers["anthropic-ratelimit-input-tokens-remaining"]) % 1000 == 0
    assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")


def test_cache_reads_do_not_count(client: Any) -> None:
    system = [{"type": "text", "text": "remember " * 400, "cache_control": {"type": "ephemeral"}}]
    first = client.messages.create(**ASK, system=system).usage
    second = client.messages.create(**ASK, system=system).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens == 900
    assert second.input_tokens == first.input_tokens


@pytest.mark.parametrize("seconds", [3, 300])
def test_a_hint_is_slept_however_long(client: Any, stand: Any, naps: list[float], seconds: int) -> None:
    stand.fault("anthropic", "throttle", retry_after_s=seconds)
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(**ASK)
    assert stand.attempts() == 3 and naps == [seconds, seconds]


def test_the_real_limiters_words_and_hint(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("anthropic", "quota", itpm=6000)
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(**{**ASK, "messages": [{"role": "user", "content": "x" * 2000}]})
    assert "rate limit of 6,000 input tokens per minute" in caught.value.message
    assert naps[0] in (5, 6)


def test_a_spend_cap_has_no_hint_and_is_retried_in_vain(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("anthropic", "hard_quota")
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(**ASK)
    assert "retry-after" not in caught.value.response.headers
    assert caught.value.body["error"]["details"]["error_code"] == "enforced_spend_limit_reached"
    assert stand.attempts() == 3


def test_output_counts_only_once_it_is_there(client: Any, stand: Any, naps: list[float]) -> None:
    stand.patch("anthropic", otpm=100)
    try:
        asked = {**ASK, "max_tokens": 150}
        assert client.messages.create(**asked).usage.output_tokens == 150, "max_tokens is not held against the limit"
        with pytest.raises(anthropic.RateLimitError) as caught:
            client.with_options(max_retries=0).messages.create(**asked)
        assert "output tokens per minute" in caught.value.message
    finally:
        stand.patch("anthropic", otpm=10_000)


def test_overload_is_a_529_and_in_a_stream_a_200(client: Any, stand: Any, naps: list[float]) -> None:
    stand.fault("anthropic", "error", status=529)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**ASK)
    assert caught.value.status_code == 529 and stand.attempts() == 3
    stand.heal()
    stand.fault("anthropic", "in_band_error", after_chunks=4)
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(client.messages.create(**ASK, stream=True))
    assert caught.value.status_code == 200 and caught.value.body["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize(
    ("change", "kind"),
    [({"max_tokens": 0}, "BadRequestError"), ({"messages": []}, "BadRequestError")],
)
def test_what_is_wrong_is_said(client: Any, change: dict[str, Any], kind: str) -> None:
    with pytest.raises(getattr(anthropic, kind)) as caught:
        client.messages.create(**{**ASK, **change})
    assert caught.value.body["error"]["type"] == "invalid_request_error" and caught.value.request_id
