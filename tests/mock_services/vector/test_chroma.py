from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from mock_services.llm.embedding import embed
from mock_services.vector.chroma import CHROMA
from tests.mock_services.vector.mock import Mock

QUERY = embed("a refund within fourteen days", 32).tolist()
HOME = "/api/v2/tenants/default_tenant/databases/default_database"


def chroma(**settings: Any) -> tuple[Mock, str]:
    """The mock, and the path of its seeded collection."""
    mock = Mock(CHROMA, **settings)
    return mock, f"{HOME}/collections/{mock.call('GET', HOME + '/collections/docs')[1]['id']}"


def test_the_set_up_calls_of_a_new_client() -> None:
    mock, _ = chroma()
    assert mock.call("GET", "/api/v2/auth/identity")[1]["tenant"] == "default_tenant"
    for path in ("/api/v2/heartbeat", "/api/v2/version", "/api/v2/pre-flight-checks", HOME):
        assert mock.call("GET", path)[0] == 200
    assert mock.call("GET", "/api/v2/tenants/default_tenant")[1] == {"name": "default_tenant"}
    assert mock.call("GET", "/api/v2/tenants/other")[0] == 404
    assert mock.call("GET", "/api/v1/heartbeat")[0] == 404


def test_a_query_finds_the_nearest_with_what_was_asked_for() -> None:
    mock, path = chroma()
    status, body = mock.call("POST", path + "/query", {"query_embeddings": [QUERY, QUERY], "n_results": 3})
    assert status == 200
    assert len(body["ids"]) == 2 and len(body["ids"][0]) == 3
    assert body["distances"][0] == sorted(body["distances"][0])
    assert "refund" in body["documents"][0][0] and "text" not in body["metadatas"][0][0]
    assert body["embeddings"] is None
    only = {"query_embeddings": [QUERY], "include": ["embeddings"], "where": {"topic": "returns"}, "n_results": 2}
    body = mock.call("POST", path + "/query", only)[1]
    assert len(body["embeddings"][0][0]) == 32 and body["documents"] is None
    contains = {"query_embeddings": [QUERY], "where_document": {"$contains": "stock is back"}, "n_results": 50}
    texts = mock.call("POST", path + "/query", contains)[1]["documents"][0]
    assert texts and all("stock is back" in text for text in texts)


def test_what_is_wrong_is_said_by_the_clients_own_names() -> None:
    mock, path = chroma()
    assert mock.call("GET", HOME + "/collections/nope")[1]["error"] == "NotFoundError"
    status, body = mock.call("POST", path + "/query", {"query_embeddings": [[1.0]], "n_results": 1})
    assert (status, body["error"]) == (400, "InvalidArgumentError")
    assert "dimension of 32, got 1" in body["message"]
    wrongs: list[Any] = [
        b"{",
        [],
        {},
        {"query_embeddings": []},
        {"query_embeddings": [QUERY], "n_results": 0},
        {"query_embeddings": [QUERY], "include": ["x"]},
        {"query_embeddings": [QUERY], "where": {"$x": 1}},
        {"query_embeddings": ["x"]},
    ]
    for wrong in wrongs:
        assert mock.call("POST", path + "/query", wrong)[0] == 400, wrong


def test_limits_and_overload() -> None:
    mock, path = chroma(read_rate_limit=60)
    body = {"query_embeddings": [QUERY], "n_results": 1}
    assert mock.statuses(62, "POST", path + "/query", body) == [200] * 60 + [429] * 2
    refused = asyncio.run(mock.ask("POST", path + "/query", body))
    assert orjson.loads(refused.body)["error"] == "RateLimitError"
    assert refused.headers == [("retry-after", "1")]
    mock, path = chroma(base_ms=5, servers=1, queue=1, spread=0, stall_share=0)
    assert sorted(mock.statuses(4, "POST", path + "/query", body)) == [200, 200, 503, 503]


def test_collections_and_points_can_be_made() -> None:
    mock, _ = chroma()
    made = mock.call("POST", HOME + "/collections", {"name": "mine"})[1]
    assert mock.call("POST", HOME + "/collections", {"name": "mine"})[0] == 409
    assert mock.call("POST", HOME + "/collections", {"name": "mine", "get_or_create": True})[1] == made
    path = f"{HOME}/collections/{made['id']}"
    points = {"ids": ["a", "b"], "embeddings": [QUERY, QUERY], "documents": ["A", None], "metadatas": [{"n": 1}, None]}
    assert mock.call("POST", path + "/add", points)[0] == 200
    assert mock.call("GET", path + "/count")[1] == 2
    assert mock.call("POST", path + "/get", {"ids": ["a"]})[1]["documents"] == ["A"]
    assert mock.call("POST", path + "/get", {"limit": 1, "offset": 1})[1]["ids"] == ["b"]
    assert mock.call("POST", path + "/add", {"ids": ["c"], "embeddings": [[1]]})[0] == 400
    assert mock.call("POST", path + "/delete", {"where": {"n": 1}})[1] == {"deleted": 1}
    assert mock.call("GET", HOME + "/collections_count")[1] == 2
    assert mock.call("DELETE", HOME + "/collections/mine")[0] == 200
    assert mock.call("GET", path + "/count")[0] == 404


@pytest.mark.parametrize("results", ["empty", "wrong"])
def test_bad_results_on_purpose(results: str) -> None:
    body = {"query_embeddings": [QUERY], "n_results": 3}
    right_mock, path = chroma()
    right = right_mock.call("POST", path + "/query", body)[1]["ids"][0]
    mock, path = chroma(results=results)
    given = mock.call("POST", path + "/query", body)[1]["ids"][0]
    assert not set(given) & set(right)
    assert len(given) == (0 if results == "empty" else 3)
