from __future__ import annotations

import pytest

from harness.engine import chat, embed, http, search
from harness.engine.journeys.routes import Routes
from harness.engine.journeys.steps import Ask
from harness.errors import UsageError


@pytest.fixture
def routes() -> Routes:
    return Routes("", len)


def test_a_body_that_comes_again_is_one_request_and_another_is_not(routes: Routes) -> None:
    first, second, third = (routes.request(http("POST", "/", body=body)) for body in (b"a", b"a", b"b"))
    assert first is second and first.repeats
    assert third is not first and third.body == b"b" and not third.repeats
    assert routes.request(http("POST", "/", body=b"a")) is not first


def test_a_request_of_its_own_for_every_nonce(routes: Routes) -> None:
    asked = [routes.request(http("GET", "/", expect=nonce)) for nonce in ("one", "one", "two")]
    assert [request.nonce for request in asked] == [b"one", b"one", b"two"]
    assert len({id(request) for request in asked}) == 3
    assert routes.request(http("GET", "/")).nonce == b""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (http("GET", "/", headers={"a": "1"}), http("GET", "/", headers={"a": "2"})),
        (http("GET", "/"), http("GET", "/", headers={"a": "1"})),
        (http("GET", "/"), http("GET", "/x")),
        (http("GET", "/"), http("HEAD", "/")),
        (chat("x", path="/"), chat("x", path="/", stream=False)),
        (http("POST", "/", name="x"), Ask("x", "POST", "/", b"", None, "json")),
    ],
)
def test_what_differs_in_any_part_is_another_request(routes: Routes, one: Ask, other: Ask) -> None:
    def said(ask: Ask) -> tuple[object, ...]:
        request = routes.request(ask)
        return request.method, request.path, request.headers, request.body, request.dialect, request.stream

    first = said(one)
    assert said(other) != first
    assert said(one) == first


def test_headers_changed_in_the_journeys_hands_are_seen(routes: Routes) -> None:
    headers = {"x-user": "1"}
    assert routes.request(http("GET", "/", headers=headers)).headers == b"x-user: 1\r\n"
    headers["x-user"] = "2"
    assert routes.request(http("GET", "/", headers=headers)).headers == b"x-user: 2\r\n"


def test_header_lines_that_cannot_be_sent_are_refused(routes: Routes) -> None:
    with pytest.raises(UsageError, match="line breaks"):
        routes.request(http("GET", "/", headers={"x": "a\r\nb: c"}))


def test_the_memory_of_routes_is_bounded(routes: Routes) -> None:
    for number in range(1000):
        assert routes.request(http("GET", f"/{number}")).path == b"/%d" % number
    assert len(routes._known) <= 256


@pytest.mark.parametrize(
    ("base", "ask", "path"),
    [
        ("", chat("x"), b"/v1/chat/completions"),
        ("/v1", chat("x"), b"/v1/chat/completions"),
        ("/api/v1", chat("x"), b"/api/v1/chat/completions"),
        ("/api/v1", embed("x"), b"/api/v1/embeddings"),
        ("/api", chat("x"), b"/api/v1/chat/completions"),
        ("/api", search([0.1]), b"/api/collections/docs/points/query"),
        ("/api/v1", chat("x", path="/v1/mine"), b"/v1/mine"),
        ("/api/v1", http("GET", "/v1/mine"), b"/v1/mine"),
    ],
)
def test_a_services_own_path_is_joined_to_the_targets_once(base: str, ask: Ask, path: bytes) -> None:
    """A path of the journey's own is left to the transport, which puts the target's before it."""
    assert Routes(base, len).request(ask).path == path
