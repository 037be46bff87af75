"""A fault on a vector database or a tool fails in that service's own words."""

from __future__ import annotations

import pytest

from mock_services.catalogue import MOCKS
from mock_services.server import Head, Request
from mock_services.service import Context, ErrorVoice

WORDS = {
    "qdrant": b"Read rate limit exceeded",
    "chroma": b"RateLimitError",
    "pinecone": b"RESOURCE_EXHAUSTED",
    "tools": b"rate_limited",
    "github": b"secondary rate limit",
    "slack": b"ratelimited",
    "stripe": b"rate_limit",
    "search": b"excessive requests",
    "mcp": b"Too Many Requests",
}


@pytest.mark.parametrize("mock", sorted(WORDS))
def test_a_throttle_and_an_error_are_said_in_the_services_own_words(mock: str) -> None:
    kind = MOCKS[mock]
    service = kind.build(kind.settings(), Context("it", 1, lambda: 0.0))
    assert isinstance(service, ErrorVoice)
    request = Request(Head("POST", "/search", {}, True), b"")
    hinted = service.throttled(request, 7.2)
    assert hinted.status == (403 if mock == "github" else 429)
    assert WORDS[mock] in hinted.body
    assert dict(hinted.headers)["retry-after"] == "8"
    assert "retry-after" not in dict(service.throttled(request, None).headers)
    failed = service.error(request, 503, "the disk is gone")
    assert failed.status == 503 and b"the disk is gone" in failed.body
    assert isinstance(service.error_event(request, "x"), bytes)
