from __future__ import annotations

import itertools

import orjson
from hypothesis import given
from hypothesis import strategies as st

from mock_services.copilot.sse import DONE, EventReader, Identity, chunk_event, error_event, read_event

IDENTITY = Identity("c1", 7)
STREAM = b"".join(
    [
        b": ping\n\n",
        chunk_event(IDENTITY, "m", {"role": "assistant", "content": ""}),
        chunk_event(IDENTITY, "m", {"content": 'a "quoted"\n\ndata: [DONE] word'}),
        chunk_event(IDENTITY, "m", {"content": "é😀"}),
        chunk_event(IDENTITY, "m", {}, finish="stop"),
        chunk_event(IDENTITY, "m", None, usage={"total_tokens": 3}),
        DONE,
    ]
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.booleans())
def test_however_the_bytes_are_cut_the_events_are_the_same(cuts: list[int], is_crlf: bool) -> None:
    stream = STREAM
    reader = EventReader()
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    if is_crlf:
        pieces = [piece.replace(b"\n", b"\r\n") for piece in pieces]
    events = [event for piece in pieces for event in reader.feed(piece)]
    assert b"".join(event.raw for event in events) == stream
    assert "".join(event.content for event in events) == 'a "quoted"\n\ndata: [DONE] wordé😀'
    assert [event.finish_reason for event in events if event.finish_reason] == ["stop"]
    assert [event.usage for event in events if event.usage] == [{"total_tokens": 3}]
    assert [event.is_end for event in events] == [False] * 6 + [True]
    assert reader.is_between_events


def test_an_in_band_error_is_told_from_a_word_in_the_text() -> None:
    assert read_event(error_event("busy", "x")).error == "busy"
    assert read_event(b'data: {"error": "plain"}\n\n').error == "plain"
    assert read_event(b'data: {"error": {}}\n\n').error != ""
    harmless = read_event(chunk_event(IDENTITY, "m", {"content": '{"error": "not one"}'}))
    assert harmless.error == "" and harmless.content == '{"error": "not one"}'


def test_what_is_no_chunk_is_malformed() -> None:
    for data in (b"{", b"[1]", b"null", b'{"choices": 3}', b'{"choices": [{}]}', b'"text"', b"{}"):
        assert read_event(b"data: " + data + b"\n\n").is_malformed, data
    assert not read_event(chunk_event(IDENTITY, "m", {})).is_malformed


def test_comments_and_other_fields_say_nothing() -> None:
    for raw in (b": keep-alive\n\n", b"event: ping\n\n", b"id: 7\nretry: 10\n\n"):
        event = read_event(raw)
        assert (event.content, event.error, event.is_end) == ("", "", False)
    assert read_event(b"event: message\ndata: [DONE]\n\n").is_end


def test_an_event_without_an_end_is_malformed_not_memory() -> None:
    reader = EventReader()
    events = [event for _ in range(40) for event in reader.feed(b"x" * 65536)]
    assert events and all(event.is_malformed for event in events)


def test_our_own_error_event_is_json() -> None:
    event = error_event('a "strange" text\n', "code")
    assert orjson.loads(event[6:])["error"]["message"] == 'a "strange" text\n'
