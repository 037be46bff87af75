from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.copilot.question import QuestionError, read_question
from mock_services.copilot.settings import Settings

SETTINGS = Settings("http://primary", tool_share=0.0)


def read(body: Any, headers: list[tuple[bytes, bytes]] | None = None) -> Any:
    return read_question(orjson.dumps(body), headers or [], SETTINGS)


def test_what_a_model_is_asked() -> None:
    question = read(
        {
            "model": "copilot",
            "stream": True,
            "temperature": 0.1,
            "max_tokens": 50,
            "tools": [{"type": "function"}],
            "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        }
    )
    body = question.for_model("gpt-main", "You help.", ["P1", "P2"], "weather: rain")
    assert body["model"] == "gpt-main"
    assert (body["temperature"], body["max_tokens"]) == (0.1, 50)
    assert "tools" not in body and "stream_options" not in body
    first, *rest = body["messages"]
    assert first["role"] == "system"
    assert all(part in first["content"] for part in ("You help.", "P1", "P2", "weather: rain"))
    assert rest == question.messages


def test_the_model_is_always_streamed_and_usage_asked_for_where_the_caller_needs_it() -> None:
    whole = read({"messages": [{"role": "user", "content": "Hi"}]}).for_model("m", "s", [], "")
    assert whole["stream"] is True and whole["stream_options"] == {"include_usage": True}
    asked = {"messages": [{"role": "user", "content": "Hi"}], "stream": True, "stream_options": {"include_usage": True}}
    assert read(asked).for_model("m", "s", [], "")["stream_options"] == {"include_usage": True}


def test_correlation_headers_go_on_and_no_others() -> None:
    headers = [
        (b"x-peakproof-run", b"r1"),
        (b"x-peakproof-seq", b"17"),
        (b"x-peakproof-cohort", b"blue"),
        (b"traceparent", b"00-abc-def-01"),
        (b"authorization", b"Bearer secret"),
        (b"cookie", b"a=b"),
        (b"baggage", b"x" * 5000),
    ]
    question = read({"messages": [{"role": "user", "content": "Hi"}]}, headers)
    assert dict(question.headers) == dict(headers[:4])
    assert (question.run, question.seq) == ("r1", "17")


def test_the_question_is_the_last_thing_the_user_said() -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer"},
        {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "image_url", "image_url": {}}]},
        {"role": "assistant", "content": None},
    ]
    assert read({"messages": messages}).text == "second"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], None),
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"content": "hi"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x"}], "n": 2}, "n"),
        ({"messages": [{"role": "user", "content": "x"}], "tool_choice": "sometimes"}, "tool_choice"),
        ({"messages": [{"role": "user", "content": "x"}], "tool_choice": ["a"]}, "tool_choice"),
    ],
)
def test_what_is_no_question(body: Any, field: str | None) -> None:
    with pytest.raises(QuestionError) as caught:
        read(body)
    assert caught.value.field == field


KEYS = ["messages", "role", "content", "n", "stream", "tool_choice", "function", "name", "text", "stream_options"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_garbage_is_refused_and_never_crashes(body: Any) -> None:
    with contextlib.suppress(QuestionError):
        read(body)
    with pytest.raises(QuestionError):
        read_question(b"\xff{", [], SETTINGS)
