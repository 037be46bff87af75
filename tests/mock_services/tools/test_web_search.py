from __future__ import annotations

from typing import Any

import pytest

from mock_services.tools.web_search import SEARCH
from tests.mock_services.tools.mock import Mock

ASKED = {"query": "refunds", "max_results": 3}


def search(**settings: Any) -> Mock:
    return Mock(SEARCH, {"authorization": "Bearer tvly"}, **settings)


def test_results_are_about_the_query_and_the_same_each_time() -> None:
    mock = search()
    body = mock.call("POST", "/search", ASKED)[1]
    assert len(body["results"]) == 3
    assert all("refunds" in result["content"] for result in body["results"])
    assert mock.call("POST", "/search", ASKED)[1]["results"] == body["results"]
    assert mock.call("POST", "/search", {"query": "x", "max_results": "many"})[0] == 200


def test_nothing_found_is_a_success() -> None:
    assert search(empty=True).call("POST", "/search", ASKED)[:2][1]["results"] == []


def test_the_rate_and_the_plan_are_two_limits() -> None:
    mock = search(rps=2)
    assert mock.statuses(3, "POST", "/search", ASKED) == [200, 200, 429]
    assert mock.call("POST", "/search", ASKED)[2] == {"retry-after": "1"}
    mock = search(plan_calls=2)
    assert mock.statuses(3, "POST", "/search", ASKED) == [200, 200, 432]
    mock.now_s += 10_000
    assert mock.call("POST", "/search", ASKED)[0] == 432, "a plan does not refill"
    mock.change(plan_calls=5)
    assert mock.call("POST", "/search", ASKED)[0] == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", {}, {"query": ""}, {"query": 3}])
def test_garbage_is_refused(body: Any) -> None:
    assert search().call("POST", "/search", body)[0] == 400


def test_strangers() -> None:
    assert Mock(SEARCH).call("POST", "/search", ASKED)[0] == 401
    assert Mock(SEARCH).call("POST", "/search", {**ASKED, "api_key": "k"})[0] == 200
    assert search().call("GET", "/search")[0] == 404
