from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from mock_services.llm.embedding import embed
from mock_services.server import Response
from mock_services.service import SettingsError, change_settings, parse_settings
from mock_services.vector.qdrant import QDRANT, QdrantSettings
from tests.mock_services.vector.mock import Mock


def qdrant(**settings: Any) -> Mock:
    return Mock(QDRANT, **settings)


QUERY = embed("a refund within fourteen days", 32).tolist()
PATH = "/collections/docs/points/query"


def test_a_query_finds_the_nearest_points() -> None:
    status, body = qdrant().call("POST", PATH, {"query": QUERY, "limit": 3, "with_payload": True})
    assert status == 200 and body["status"] == "ok" and body["time"] >= 0
    points = body["result"]["points"]
    assert len(points) == 3
    assert [p["score"] for p in points] == sorted((p["score"] for p in points), reverse=True)
    assert "refund" in points[0]["payload"]["text"]
    assert set(points[0]) == {"id", "version", "score", "payload"}


def test_the_forms_of_a_query() -> None:
    mock = qdrant()
    plain = mock.call("POST", PATH, {"query": QUERY})[1]["result"]["points"]
    assert len(plain) == 10 and "payload" not in plain[0]
    assert mock.call("POST", PATH, {"query": {"nearest": QUERY}})[1]["result"]["points"] == plain
    assert mock.call("POST", PATH, {"query": QUERY, "limit": 4, "offset": 6})[1]["result"]["points"] == plain[6:]
    by_id = mock.call("POST", PATH, {"query": plain[0]["id"], "limit": 1})[1]["result"]["points"]
    assert by_id[0]["id"] == plain[0]["id"] and by_id[0]["score"] == pytest.approx(1)
    old = mock.call("POST", "/collections/docs/points/search", {"vector": QUERY, "limit": 10})[1]["result"]
    assert old == plain
    some = {"query": QUERY, "with_payload": ["topic"], "with_vector": True, "limit": 1}
    point = mock.call("POST", PATH, some)[1]["result"]["points"][0]
    assert set(point["payload"]) == {"topic"} and len(point["vector"]) == 32
    near = mock.call("POST", PATH, {"query": QUERY, "score_threshold": plain[2]["score"]})[1]["result"]["points"]
    assert 3 <= len(near) < 10
    batch = {"searches": [{"query": QUERY, "limit": 1}, {"query": QUERY, "limit": 2}]}
    answers = mock.call("POST", "/collections/docs/points/query/batch", batch)[1]["result"]
    assert [len(answer["points"]) for answer in answers] == [1, 2]


def test_a_filter_holds_for_every_hit() -> None:
    wanted = {"must": [{"key": "topic", "match": {"value": "returns"}}]}
    body = qdrant().call("POST", PATH, {"query": QUERY, "filter": wanted, "limit": 100, "with_payload": True})[1]
    assert {point["payload"]["topic"] for point in body["result"]["points"]} == {"returns"}


def test_what_is_wrong_is_said_as_qdrant_says_it() -> None:
    mock = qdrant()
    status, body = mock.call("POST", "/collections/nope/points/query", {"query": QUERY})
    assert (status, body["status"]["error"]) == (404, "Not found: Collection `nope` doesn't exist!")
    status, body = mock.call("POST", PATH, {"query": [1.0, 2.0]})
    assert (status, body["status"]["error"]) == (400, "Wrong input: Vector dimension error: expected dim: 32, got 2")
    for wrong in (b"{", b"[]", {}, {"query": "nope"}, {"query": QUERY, "limit": -1}, {"query": [["a"]]}):
        status, body = mock.call("POST", PATH, wrong)
        assert 400 <= status < 500 and body["status"]["error"], wrong
    assert mock.call("POST", PATH, {"query": QUERY, "filter": {"mist": []}})[0] == 400
    assert mock.call("GET", "/nowhere")[0] == 404
    assert mock.call("PATCH", "/collections/docs")[0] == 405


def test_the_read_limit_is_kept_and_says_when_to_come_back() -> None:
    mock = qdrant(read_rate_limit=60)

    async def scene() -> list[Response]:
        return [await mock.ask("POST", PATH, {"query": QUERY}) for _ in range(62)]

    answers = asyncio.run(scene())
    assert [a.status for a in answers] == [200] * 60 + [429] * 2
    assert dict(answers[-1].headers) == {"retry-after": "1"}
    assert "error" in orjson.loads(answers[-1].body)["status"]
    mock.now_s += 1
    assert mock.call("POST", PATH, {"query": QUERY})[0] == 200
    assert mock.call("POST", PATH, {"query": QUERY})[0] == 429
    mock.service.change(change_settings(mock.service.settings, {"retry_after": False}))
    assert asyncio.run(mock.ask("POST", PATH, {"query": QUERY})).headers == []
    mock.service.change(change_settings(mock.service.settings, {"read_rate_limit": None}))
    assert mock.call("POST", PATH, {"query": QUERY})[0] == 200


def test_a_batch_costs_a_read_for_each_search() -> None:
    mock = qdrant(read_rate_limit=5)
    path = "/collections/docs/points/query/batch"
    assert mock.call("POST", path, {"searches": [{"query": QUERY}] * 4})[0] == 200
    assert mock.call("POST", path, {"searches": [{"query": QUERY}] * 2})[0] == 429
    assert mock.call("POST", PATH, {"query": QUERY})[0] == 200
    answer = asyncio.run(mock.ask("POST", path, {"searches": [{"query": QUERY}] * 6}))
    assert (answer.status, answer.headers) == (429, []) and b"split your request" in answer.body


def test_a_full_queue_is_503() -> None:
    mock = qdrant(base_ms=5, servers=1, queue=1, spread=0, stall_share=0)

    async def scene() -> list[int]:
        # the mock's clock stands still, so that all of them arrive at once
        return [
            answer.status
            for answer in await asyncio.gather(*(mock.ask("POST", PATH, {"query": QUERY}) for _ in range(4)))
        ]

    assert sorted(asyncio.run(scene())) == [200, 200, 503, 503]


def test_bad_results_on_purpose() -> None:
    right = qdrant().call("POST", PATH, {"query": QUERY, "limit": 5})[1]["result"]["points"]
    assert qdrant(results="empty").call("POST", PATH, {"query": QUERY})[1]["result"]["points"] == []
    wrong = qdrant(results="wrong").call("POST", PATH, {"query": QUERY, "limit": 5})[1]["result"]["points"]
    assert not {p["id"] for p in wrong} & {p["id"] for p in right}
    stale = qdrant(results="stale").call("POST", PATH, {"query": QUERY, "limit": 5})[1]["result"]["points"]
    assert {p["version"] for p in stale} == {1} != {p["version"] for p in right}


def test_points_and_collections_can_be_made() -> None:
    mock = qdrant()
    assert mock.call("GET", "/collections")[1]["result"]["collections"] == [{"name": "docs"}]
    created = {"vectors": {"size": 2, "distance": "Euclid"}}
    assert mock.call("PUT", "/collections/mine", created)[1]["result"] is True
    assert mock.call("PUT", "/collections/mine", created)[0] == 409
    points = [{"id": n, "vector": [n, 0], "payload": {"n": n}} for n in range(5)]
    assert mock.call("PUT", "/collections/mine/points", {"points": points})[1]["result"]["status"] == "completed"
    found = mock.call("POST", "/collections/mine/points/query", {"query": [3.1, 0], "limit": 2})[1]["result"]["points"]
    assert [p["id"] for p in found] == [3, 4]
    assert mock.call("POST", "/collections/mine/points/count", {})[1]["result"]["count"] == 5
    assert mock.call("POST", "/collections/mine/points", {"ids": [2, 9]})[1]["result"] == [
        {"id": 2, "payload": {"n": 2}}
    ]
    assert mock.call("GET", "/collections/mine/points/2")[1]["result"]["payload"] == {"n": 2}
    page = mock.call("POST", "/collections/mine/points/scroll", {"limit": 3})[1]["result"]
    assert ([p["id"] for p in page["points"]], page["next_page_offset"]) == ([0, 1, 2], 3)
    page = mock.call("POST", "/collections/mine/points/scroll", {"limit": 3, "offset": 3})[1]["result"]
    assert ([p["id"] for p in page["points"]], page["next_page_offset"]) == ([3, 4], None)
    assert mock.call("POST", "/collections/mine/points/delete", {"points": [0, 1]})[0] == 200
    assert mock.call("GET", "/collections/mine")[1]["result"]["points_count"] == 3
    assert mock.call("PUT", "/collections/mine/points", {"points": [{"id": 1, "vector": [1]}]})[0] == 400
    assert mock.call("DELETE", "/collections/mine")[1]["result"] is True
    assert mock.call("GET", "/collections/mine/exists")[1]["result"]["exists"] is False


def test_settings_are_checked() -> None:
    with pytest.raises(SettingsError, match="servers"):
        parse_settings(QdrantSettings, {"servers": 0})
    with pytest.raises(SettingsError, match="resluts"):
        parse_settings(QdrantSettings, {"resluts": "empty"})
    for preset in QDRANT.presets.values():
        parse_settings(QdrantSettings, preset)
