from __future__ import annotations

import asyncio
from typing import Any

import orjson

from mock_services.llm.embedding import embed
from mock_services.vector.pinecone import PINECONE
from tests.mock_services.vector.mock import Mock

QUERY = embed("a refund within fourteen days", 32).tolist()


def pinecone(**settings: Any) -> Mock:
    return Mock(PINECONE, {b"api-key": b"k"}, **settings)


def test_without_a_key_nothing_is_answered() -> None:
    assert asyncio.run(Mock(PINECONE).ask("POST", "/query", {"vector": QUERY, "topK": 1})).status == 401


def test_a_query_finds_the_nearest_with_what_was_asked_for() -> None:
    mock = pinecone()
    status, body = mock.call("POST", "/query", {"vector": QUERY, "topK": 3, "includeMetadata": True})
    assert status == 200 and body["usage"]["readUnits"] > 0
    assert [m["score"] for m in body["matches"]] == sorted((m["score"] for m in body["matches"]), reverse=True)
    assert "refund" in body["matches"][0]["metadata"]["text"] and "values" not in body["matches"][0]
    by_id = mock.call("POST", "/query", {"id": body["matches"][0]["id"], "topK": 1, "includeValues": True})[1]
    assert by_id["matches"][0]["id"] == body["matches"][0]["id"] and len(by_id["matches"][0]["values"]) == 32
    some = {"vector": QUERY, "topK": 50, "includeMetadata": True, "filter": {"year": {"$gte": 2022}}}
    years = [m["metadata"]["year"] for m in mock.call("POST", "/query", some)[1]["matches"]]
    assert years and min(years) >= 2022


def test_what_is_wrong_is_said_as_pinecone_says_it() -> None:
    mock = pinecone()
    status, body = mock.call("POST", "/query", {"vector": [1.0], "topK": 1})
    assert (status, body["code"]) == (400, 3)
    assert body["message"] == "Vector dimension 1 does not match the dimension of the index 32"
    wrongs: list[Any] = [
        b"{",
        [],
        {},
        {"vector": QUERY},
        {"topK": 1},
        {"vector": QUERY, "topK": 1, "filter": {"$x": 1}},
    ]
    for wrong in wrongs:
        assert mock.call("POST", "/query", wrong)[0] == 400, wrong
    assert mock.call("GET", "/nowhere")[0] == 404


def test_limits_and_overload() -> None:
    body = {"vector": QUERY, "topK": 1}
    mock = pinecone(read_rate_limit=60)
    assert mock.statuses(61, "POST", "/query", body) == [200] * 60 + [429]
    refused = asyncio.run(mock.ask("POST", "/query", body))
    assert orjson.loads(refused.body)["error"]["code"] == "RESOURCE_EXHAUSTED"
    assert refused.headers == [("retry-after", "1")]
    busy = pinecone(base_ms=5, servers=1, queue=1, spread=0, stall_share=0)
    assert sorted(busy.statuses(4, "POST", "/query", body)) == [200, 200, 503, 503]


def test_namespaces_are_apart() -> None:
    mock = pinecone()
    upserted = {"vectors": [{"id": "x", "values": QUERY, "metadata": {"a": 1}}], "namespace": "mine"}
    assert mock.call("POST", "/vectors/upsert", upserted)[1] == {"upsertedCount": 1}
    found = mock.call("POST", "/query", {"vector": QUERY, "topK": 5, "namespace": "mine"})[1]["matches"]
    assert [m["id"] for m in found] == ["x"]
    assert mock.call("POST", "/query", {"vector": QUERY, "topK": 5, "namespace": "other"})[1]["matches"] == []
    assert mock.call("GET", "/describe_index_stats")[1]["namespaces"] == {
        "": {"vectorCount": 300},
        "mine": {"vectorCount": 1},
    }
    fetched = mock.call("GET", "/vectors/fetch?ids=x&ids=y&namespace=mine")[1]["vectors"]
    assert list(fetched) == ["x"] and fetched["x"]["metadata"] == {"a": 1}
    assert mock.call("POST", "/vectors/delete", {"ids": ["x"], "namespace": "mine"})[1] == {}
    assert mock.call("POST", "/query", {"vector": QUERY, "topK": 5, "namespace": "mine"})[1]["matches"] == []


def test_a_listing_goes_on_where_it_ended() -> None:
    mock = pinecone()
    seen: list[str] = []
    token = ""
    for _ in range(10):
        page = mock.call("GET", f"/vectors/list?limit=99&paginationToken={token}")[1]
        seen += [item["id"] for item in page["vectors"]]
        token = page.get("pagination", {}).get("next", "")
        if not token:
            break
    assert len(seen) == len(set(seen)) == 300
