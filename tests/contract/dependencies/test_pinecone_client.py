"""The official Pinecone client, unmodified, by the index's host alone."""

from __future__ import annotations

from typing import Any

import pytest

from mock_services.llm.embedding import embed

pinecone = pytest.importorskip("pinecone", reason="make test-contract installs the official clients")

pytestmark = pytest.mark.filterwarnings(  # sockets that the clients leave open
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
QUERY = embed("a refund within fourteen days", 32).tolist()


def connect(url: str) -> Any:
    return pinecone.Pinecone(api_key="test").Index(host=url)


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the client would have slept, noted instead of slept, at the seam it offers for that."""
    from pinecone._internal import http_client

    noted: list[float] = []
    monkeypatch.setattr(http_client, "_retry_sleep", noted.append)
    return noted


def test_a_query_with_a_filter(vector: Any) -> None:
    index = connect(vector("pinecone").url)
    found = index.query(vector=QUERY, top_k=4, include_metadata=True, filter={"topic": {"$eq": "returns"}})
    assert len(found.matches) == 4
    assert {match.metadata["topic"] for match in found.matches} == {"returns"}


def test_vectors_of_ones_own(vector: Any) -> None:
    index = connect(vector("pinecone").url)
    index.upsert(vectors=[{"id": "x", "values": QUERY, "metadata": {"n": 1}}], namespace="mine")
    assert [match.id for match in index.query(vector=QUERY, top_k=3, namespace="mine").matches] == ["x"]
    assert list(index.fetch(ids=["x"], namespace="mine").vectors) == ["x"]
    assert index.describe_index_stats().total_vector_count == 201


def test_a_limit_is_retried_four_times_in_all_and_the_hint_is_honoured(vector: Any, naps: list[float]) -> None:
    mock = vector("pinecone", read_rate_limit=1)
    index = connect(mock.url)
    index.query(vector=QUERY, top_k=1)
    with pytest.raises(Exception, match="max read units"):
        index.query(vector=QUERY, top_k=1)
    assert mock.statuses().count(429) == 4
    assert len(naps) == 3 and min(naps) >= 59, "the hint is a minute"


def test_an_unavailable_server_is_retried_too(vector: Any, naps: list[float]) -> None:
    mock = vector("pinecone")
    index = connect(mock.url)
    mock.fault("error", status=503)
    with pytest.raises(Exception, match="503"):
        index.query(vector=QUERY, top_k=1)
    assert mock.statuses().count(503) == 4
    assert len(naps) == 3


def test_what_is_wrong_is_said_and_not_retried(vector: Any, naps: list[float]) -> None:
    mock = vector("pinecone")
    with pytest.raises(Exception, match="dimension 2 does not match the dimension of the index 32"):
        connect(mock.url).query(vector=[1.0, 2.0], top_k=1)
    assert mock.statuses().count(400) == 1 and not naps
