"""The official Chroma client, unmodified, by its host and port alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from mock_services.llm.embedding import embed

chromadb = pytest.importorskip("chromadb", reason="make test-contract installs the official clients")

from chromadb.config import Settings  # noqa: E402 - it is there now
from chromadb.errors import InvalidArgumentError, NotFoundError, RateLimitError  # noqa: E402

pytestmark = pytest.mark.filterwarnings(  # sockets that the clients leave open
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
QUERY = embed("a refund within fourteen days", 32).tolist()


def connect(url: str) -> Any:
    parts = urlsplit(url)
    return chromadb.HttpClient(host=parts.hostname, port=parts.port, settings=Settings(anonymized_telemetry=False))


def test_a_query_with_filters(vector: Any) -> None:
    mock = vector("chroma")
    collection = connect(mock.url).get_collection("docs")
    found = collection.query(query_embeddings=[QUERY], n_results=4, where={"topic": "returns"})
    assert len(found["ids"][0]) == 4
    assert {meta["topic"] for meta in found["metadatas"][0]} == {"returns"}
    assert found["distances"][0] == sorted(found["distances"][0])
    text = "stock is back"
    found = collection.query(query_embeddings=[QUERY], n_results=50, where_document={"$contains": text})
    assert found["documents"][0] and all(text in document for document in found["documents"][0])


def test_a_new_client_sets_itself_up_with_calls_that_can_fail_too(vector: Any) -> None:
    mock = vector("chroma")
    connect(mock.url)
    assert {"/api/v2/auth/identity", "/api/v2/tenants/default_tenant"} <= set(mock.paths())


def test_a_collection_of_ones_own(vector: Any) -> None:
    client = connect(vector("chroma").url)
    mine = client.create_collection("mine", embedding_function=None)
    mine.add(ids=["a", "b"], embeddings=[QUERY, QUERY], documents=["A", "B"], metadatas=[{"n": 1}, {"n": 2}])
    assert mine.count() == 2
    assert mine.get(ids=["b"])["documents"] == ["B"]
    mine.delete(ids=["a"])
    assert mine.get()["ids"] == ["b"]
    assert {collection.name for collection in client.list_collections()} == {"docs", "mine"}
    client.delete_collection("mine")
    with pytest.raises(NotFoundError):
        client.get_collection("mine")


def test_a_limit_is_raised_by_its_name_and_not_retried(vector: Any) -> None:
    mock = vector("chroma", read_rate_limit=1)
    collection = connect(mock.url).get_collection("docs")
    collection.query(query_embeddings=[QUERY], n_results=1)
    with pytest.raises(RateLimitError):
        collection.query(query_embeddings=[QUERY], n_results=1)
    assert mock.statuses().count(429) == 1


def test_an_unavailable_server_is_raised_and_not_retried(vector: Any) -> None:
    mock = vector("chroma")
    collection = connect(mock.url).get_collection("docs")
    mock.fault("error", status=503)
    with pytest.raises(Exception):  # noqa: B017 - the client raises a bare Exception here
        collection.query(query_embeddings=[QUERY], n_results=1)
    assert mock.statuses().count(503) == 1


def test_what_is_wrong_is_said(vector: Any) -> None:
    collection = connect(vector("chroma").url).get_collection("docs")
    with pytest.raises(InvalidArgumentError, match="dimension of 32, got 2"):
        collection.query(query_embeddings=[[1.0, 2.0]], n_results=1)
