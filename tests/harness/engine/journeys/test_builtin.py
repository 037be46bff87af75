from __future__ import annotations

from typing import Any

import orjson
import pytest

from harness.engine.exchange import Request
from harness.engine.job import JourneySpec
from harness.engine.journeys.arrival import Arrival
from harness.engine.journeys.builtin import built_in
from harness.engine.journeys.prompts import Prompts
from harness.errors import UsageError
from tests.harness.engine.flying import job_with

ARRIVAL = Arrival(Prompts(3), 41, 25, 60)


def request(spec: JourneySpec, environment: dict[str, str] | None = None, **job: Any) -> Request:
    made = built_in(spec, job_with(spec, **job), 1, environment or {})
    return made.request(ARRIVAL)


def test_a_streamed_openai_chat() -> None:
    asked = request(JourneySpec("ask", "chat", model="gpt-x"))
    body = orjson.loads(asked.body)
    assert (asked.method, asked.path, asked.stream, asked.dialect) == (b"POST", b"/v1/chat/completions", True, "openai")
    assert body == {
        "model": "gpt-x",
        "messages": [{"role": "user", "content": ARRIVAL.prompt}],
        "max_tokens": 60,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert asked.seq == 41
    assert b"content-type: application/json\r\n" in asked.headers


def test_a_chat_that_is_not_streamed_does_not_ask_for_a_stream() -> None:
    asked = request(JourneySpec("ask", "chat", stream=False))
    assert not asked.stream
    assert "stream" not in orjson.loads(asked.body)


@pytest.mark.parametrize(
    ("dialect", "path", "field"),
    [
        ("responses", b"/v1/responses", "max_output_tokens"),
        ("anthropic", b"/v1/messages", "max_tokens"),
        ("gemini", b"/v1beta/models/m1:streamGenerateContent?alt=sse", "generationConfig"),
    ],
)
def test_the_other_dialects(dialect: str, path: bytes, field: str) -> None:
    asked = request(JourneySpec("ask", "chat", model="m1", dialect=dialect))
    assert asked.path == path
    assert field in orjson.loads(asked.body)
    assert (b"anthropic-version" in asked.headers) == (dialect == "anthropic")


@pytest.mark.parametrize(
    ("kind", "path"),
    [("embed", b"/v1/embeddings"), ("search", b"/collections/docs/points/query"), ("tool", b"/tools/search")],
)
def test_the_other_kinds_send_json_and_read_json(kind: str, path: bytes) -> None:
    asked = request(JourneySpec("x", kind))
    assert (asked.path, asked.dialect, asked.stream) == (path, "json", False)
    assert isinstance(orjson.loads(asked.body), dict)


def test_plain_http_is_what_was_written() -> None:
    spec = JourneySpec("x", "http", method="get", path="/items/{{seq}}?n={{nonce}}")
    asked = request(spec)
    assert (asked.method, asked.body, asked.dialect, asked.stream) == (b"GET", b"", "bytes", False)
    assert asked.path == b"/items/41?n=" + ARRIVAL.nonce_bytes
    assert b"content-type" not in asked.headers


def test_a_nonce_is_expected_where_the_plan_says_so() -> None:
    assert request(JourneySpec("x", "chat", expect_nonce=True)).nonce == ARRIVAL.nonce_bytes
    assert request(JourneySpec("x", "chat")).nonce == b""


def test_headers_take_their_secret_from_the_environment_only() -> None:
    spec = JourneySpec("x", "chat", headers={"Authorization": "Bearer ${env:KEY}"})
    asked = request(spec, {"KEY": "sk-1"})
    assert asked.headers.count(b"authorization: Bearer sk-1\r\n") == 1
    with pytest.raises(UsageError, match="KEY, which is not set"):
        request(spec)


def test_a_journeys_header_stands_in_for_the_jobs_and_nothing_is_sent_twice() -> None:
    own, plain = JourneySpec("x", "chat", headers={"Authorization": "mine"}), JourneySpec("y", "chat")
    job = job_with(own, plain, headers={"authorization": "yours", "x-team": "a", "content-type": "application/x"})
    assert built_in(own, job, 1, {}).request(ARRIVAL).headers == b"authorization: mine\r\n"
    assert built_in(plain, job, 1, {}).request(ARRIVAL).headers == b""


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://h", b"/v1/chat/completions"),
        ("http://h/v1", b"/v1/chat/completions"),
        ("http://h/v1/", b"/v1/chat/completions"),
        ("http://h/api", b"/api/v1/chat/completions"),
        ("http://h/openai/v1", b"/openai/v1/chat/completions"),
    ],
)
def test_the_targets_own_path_stands_before_with_or_without_v1(target: str, path: bytes) -> None:
    assert request(JourneySpec("x", "chat"), target=target).path == path


def test_a_path_of_the_plan_is_joined_as_it_is() -> None:
    assert request(JourneySpec("x", "chat", path="/ask"), target="http://h/v1").path == b"/ask"  # the transport joins


def test_unknown_kinds_and_dialects_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown kind 'chta'"):
        request(JourneySpec("x", "chta"))
    with pytest.raises(UsageError, match="no body is known"):
        request(JourneySpec("x", "chat", dialect="sse"))
