"""The official google-genai client, unmodified, by its base URL alone: Gemini and Vertex."""

from __future__ import annotations

from typing import Any

import pytest

genai = pytest.importorskip("google.genai", reason="make test-contract installs the official clients")
errors = pytest.importorskip("google.genai.errors")
types = pytest.importorskip("google.genai.types")

ASK: dict[str, Any] = {"model": "gemini-x", "contents": "hi nonce:s1", "config": {"max_output_tokens": 6}}


def client_of(stand: Any, retry: Any = None) -> Any:
    options = types.HttpOptions(base_url=stand.urls["gemini"], retry_options=retry)
    return genai.Client(api_key="AI-test", http_options=options, vertexai=False)


def test_whole_stream_count_and_embedding(stand: Any) -> None:
    client = client_of(stand)
    whole = client.models.generate_content(**ASK)
    assert "nonce:s1" in whole.text and whole.usage_metadata.candidates_token_count == 6
    chunks = list(client.models.generate_content_stream(**ASK))
    assert "".join(c.text or "" for c in chunks).startswith("[served-by:gemini]")
    assert chunks[-1].candidates[0].finish_reason.name == "STOP" and len(chunks) == 6
    assert client.models.count_tokens(model="gemini-x", contents="hello world").total_tokens > 0
    vectors = client.models.embed_content(model="e", contents=["a", "b"])
    assert len(vectors.embeddings) == 2


def test_one_attempt_by_default_and_the_hint_is_in_the_body(stand: Any, naps: list[float]) -> None:
    client = client_of(stand)
    stand.fault("gemini", "quota", rpm=6)
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(**ASK)
    assert stand.attempts() == 1 and naps == []
    error = caught.value.details["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    kinds = [d["@type"].rpartition(".")[2] for d in error["details"]]
    assert kinds == ["Help", "QuotaFailure", "RetryInfo"]
    assert error["details"][2]["retryDelay"] in ("9s", "10s") and "Please retry in 9." in error["message"]
    assert error["details"][1]["violations"][0]["quotaValue"] == "6"


def test_retries_that_were_asked_for_never_read_the_hint(stand: Any, naps: list[float]) -> None:
    client = client_of(stand, types.HttpRetryOptions(attempts=3))
    stand.fault("gemini", "throttle", retry_after_s=60)
    with pytest.raises(errors.ClientError):
        client.models.generate_content(**ASK)
    assert stand.attempts() == 3 and len(naps) == 2 and all(nap < 10 for nap in naps)


def test_overload_is_a_503_unavailable(stand: Any) -> None:
    client = client_of(stand)
    stand.fault("gemini", "error", status=503)
    with pytest.raises(errors.ServerError) as caught:
        client.models.generate_content(**ASK)
    assert caught.value.status == "UNAVAILABLE" and "The model is overloaded" in caught.value.message


def test_what_is_wrong_is_said(stand: Any) -> None:
    client = client_of(stand)
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="gemini-x", contents="x" * 600_000)
    assert caught.value.status == "INVALID_ARGUMENT"
