from __future__ import annotations

import time
from typing import Any

import pytest

from mock_services.tools.github import GITHUB
from tests.mock_services.tools.mock import Mock


def github(**settings: Any) -> Mock:
    return Mock(GITHUB, {"authorization": "token x"}, **settings)


def test_the_quota_is_told_in_every_answer() -> None:
    mock = github(hourly=10)
    status, body, headers = mock.call("GET", "/repos/octo/cat")
    assert (status, body["full_name"]) == (200, "octo/cat")
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("10", "9")
    assert (headers["x-ratelimit-used"], headers["x-ratelimit-resource"]) == ("1", "core")
    assert 0 < int(headers["x-ratelimit-reset"]) - time.time() <= 3601
    assert mock.call("GET", "/rate_limit")[1]["resources"]["core"]["remaining"] == 9, "asking is free"
    assert mock.call("GET", "/repos/octo/cat")[1] == body


@pytest.mark.parametrize("refusal", [403, 429])
def test_the_primary_limit_holds_for_the_hour(refusal: int) -> None:
    mock = github(hourly=3, refusal=refusal)
    assert mock.statuses(5, "GET", "/user") == [200] * 3 + [refusal] * 2
    status, body, headers = mock.call("GET", "/user")
    assert status == refusal and "API rate limit exceeded" in body["message"]
    assert headers["x-ratelimit-remaining"] == "0" and "retry-after" not in headers
    mock.now_s += 3599
    assert mock.call("GET", "/user")[0] == refusal
    mock.now_s += 1
    assert mock.call("GET", "/user")[0] == 200


def test_the_secondary_limit_comes_with_quota_left() -> None:
    mock = github(rps=2)
    assert mock.statuses(3, "GET", "/user") == [200, 200, 403]
    _, body, headers = mock.call("GET", "/user")
    assert "secondary rate limit" in body["message"] and headers["retry-after"] == "1"
    assert int(headers["x-ratelimit-remaining"]) == 4998, "a refused request costs nothing"
    mock.change(retry_after=False)
    assert "retry-after" not in mock.call("GET", "/user")[2]


def test_search_has_its_own_minute() -> None:
    mock = github(search_per_minute=2)
    assert mock.statuses(3, "GET", "/search/issues?q=bug") == [200, 200, 403]
    assert mock.call("GET", "/user")[0] == 200
    mock.now_s += 60
    assert "bug" in mock.call("GET", "/search/issues?q=bug")[1]["items"][0]["title"]


def test_strangers_and_nowhere() -> None:
    assert Mock(GITHUB).call("GET", "/user")[0] == 401
    assert github().call("GET", "/nope")[0] == 404
    assert github().call("POST", "/repos/octo/cat")[0] == 404
