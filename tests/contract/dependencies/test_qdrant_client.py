"""The official Qdrant client, unmodified, by its URL alone."""

from __future__ import annotations

from typing import Any

import pytest

from mock_services.llm.embedding import embed

qdrant_client = pytest.importorskip("qdrant_client", reason="make test-contract installs the official clients")

from qdrant_client import models  # noqa: E402 - it is there now
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse  # noqa: E402
from qdrant_client.http.exceptions import UnexpectedResponse  # noqa: E402

pytestmark = pytest.mark.filterwarnings(  # sockets that the clients leave open
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
QUERY = embed("a refund within fourteen days", 32).tolist()


def connect(url: str) -> Any:
    return qdrant_client.QdrantClient(url=url, timeout=5, check_compatibility=False)


def test_a_query_with_a_filter_and_payloads(vector: Any) -> None:
    client = connect(vector("qdrant").url)
    wanted = models.Filter(must=[models.FieldCondition(key="topic", match=models.MatchValue(value="returns"))])
    points = client.query_points("docs", query=QUERY, limit=5, with_payload=True, query_filter=wanted).points
    assert len(points) == 5
    assert {point.payload["topic"] for point in points} == {"returns"}
    assert [p.score for p in points] == sorted((p.score for p in points), reverse=True)


def test_a_collection_of_ones_own(vector: Any) -> None:
    client = connect(vector("qdrant").url)
    assert client.create_collection("mine", models.VectorParams(size=2, distance=models.Distance.COSINE))
    client.upsert("mine", [models.PointStruct(id=n, vector=[n, 1], payload={"n": n}) for n in range(5)])
    assert client.count("mine").count == 5
    assert client.get_collection("mine").points_count == 5
    assert [record.id for record in client.retrieve("mine", [3])] == [3]
    assert len(client.scroll("mine", limit=3)[0]) == 3
    client.delete("mine", [0, 1])
    assert client.count("mine").count == 3
    assert client.collection_exists("mine") and not client.collection_exists("other")


def test_a_limit_with_a_hint_is_raised_at_once(vector: Any) -> None:
    mock = vector("qdrant", read_rate_limit=1)
    client = connect(mock.url)
    client.query_points("docs", query=QUERY)
    with pytest.raises(ResourceExhaustedResponse) as caught:
        client.query_points("docs", query=QUERY)
    assert 55 <= int(caught.value.retry_after_s) <= 60
    assert mock.statuses().count(429) == 1, "the client does not retry"


def test_a_limit_without_a_hint_is_another_exception(vector: Any) -> None:
    mock = vector("qdrant", read_rate_limit=1, retry_after=False)
    client = connect(mock.url)
    client.query_points("docs", query=QUERY)
    with pytest.raises(UnexpectedResponse) as caught:
        client.query_points("docs", query=QUERY)
    assert caught.value.status_code == 429


def test_an_unavailable_server_is_raised_at_once(vector: Any) -> None:
    mock = vector("qdrant")
    client = connect(mock.url)
    mock.fault("error", status=503)
    with pytest.raises(UnexpectedResponse) as caught:
        client.query_points("docs", query=QUERY)
    assert caught.value.status_code == 503
    assert mock.statuses().count(503) == 1


def test_what_is_wrong_is_said(vector: Any) -> None:
    client = connect(vector("qdrant").url)
    with pytest.raises(UnexpectedResponse, match="expected dim: 32, got 2"):
        client.query_points("docs", query=[1.0, 2.0])
    with pytest.raises(UnexpectedResponse, match="Collection `nope`"):
        client.query_points("nope", query=QUERY)
