"""What a stream says does not depend on how its bytes were split, and every way to lie in a stream is caught."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.engine.exchange import Exchange, Request
from harness.engine.transport.dialects import DIALECTS
from harness.engine.transport.streams import EVENT_LIMIT_BYTES, StreamReader, split_event
from harness.results import NEVER, Outcome, Reason
from harness.results.row import FLAG_NONCE_CHECKED, FLAG_TOKENS_FROM_USAGE


def sse(*events: object, end: bytes = b"\n\n", spaced: bool = False) -> bytes:
    """Dicts become `data:` lines of JSON, bytes stand for themselves."""
    separators = (", ", ": ") if spaced else (",", ":")
    return b"".join(
        (e if isinstance(e, bytes) else b"data: " + json.dumps(e, separators=separators, ensure_ascii=False).encode())
        + end
        for e in events
    )


def named(name: str, **data: object) -> bytes:
    return f"event: {name}\ndata: ".encode() + json.dumps({"type": name, **data}, separators=(",", ":")).encode()


def chat(content: str | None = None, finish: str | None = None, **extra: object) -> dict[str, object]:
    delta: dict[str, object] = {} if content is None else {"content": content}
    return {
        "id": "c1",
        "model": "m-1",
        "choices": [{"index": 0, "delta": {**delta, **extra}, "finish_reason": finish}],
    }


USAGE = {"id": "c1", "choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}
ROLE = chat("", role="assistant")
DONE = b"data: [DONE]"
GOOD = {
    "openai": sse(ROLE, chat("Hel"), chat("lo “wörld”"), chat('\\"'), chat(None, "stop"), USAGE, DONE),
    "responses": sse(
        named("response.created", response={"model": "m-1", "status": "in_progress"}),
        named("response.output_text.delta", delta="Hel"),
        named("response.output_text.delta", delta="lo “wörld”"),
        named("response.output_text.delta", delta='\\"'),
        named(
            "response.completed",
            response={"model": "m-1", "status": "completed", "usage": {"input_tokens": 11, "output_tokens": 7}},
        ),
    ),
    "anthropic": sse(
        named("message_start", message={"model": "m-1", "usage": {"input_tokens": 5, "cache_read_input_tokens": 6}}),
        named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        named("ping"),
        named("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"}),
        named("content_block_delta", index=0, delta={"type": "text_delta", "text": "lo “wörld”"}),
        named("content_block_delta", index=0, delta={"type": "text_delta", "text": '\\"'}),
        named("content_block_stop", index=0),
        named("message_delta", delta={"stop_reason": "stop"}, usage={"output_tokens": 7}),
        named("message_stop"),
    ),
    "gemini": sse(
        *(
            {
                "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **finish}],
                "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": n, "thoughtsTokenCount": 3},
                "modelVersion": "m-1",
            }
            for text, finish, n in (("Hel", {}, 1), ("lo “wörld”", {}, 2), ('\\"', {"finishReason": "stop"}, 4))
        )
    ),
    "sse": sse(b"data: Hel", b": a comment", b"data: lo\ndata: there", b"event: x\ndata: z"),
}


def read(
    dialect: str, *pieces: bytes, nonce: bytes = b"", times: list[int] | None = None
) -> tuple[Exchange, tuple[Outcome, Reason]]:
    """Piece i arrives at i + 1 seconds (or `times[i]` ns); the end comes one second later."""
    exchange = Exchange(Request(b"POST", b"/", stream=True, dialect=dialect, nonce=nonce))
    reader = StreamReader(exchange, DIALECTS[dialect])
    for i, piece in enumerate(pieces):
        reader.feed(piece, times[i] if times else (i + 1) * 10**9)
    return exchange, reader.finish((len(pieces) + 1) * 10**9)


def said(exchange: Exchange, judged: object) -> tuple[object, ...]:
    return (
        judged,
        exchange.events,
        exchange.tokens_in,
        exchange.tokens_out,
        exchange.finish_reason,
        exchange.served_by,
    )


@pytest.mark.parametrize("dialect", GOOD)
def test_a_good_stream_is_read_in_full(dialect: str) -> None:
    exchange, judged = read(dialect, GOOD[dialect])
    assert judged == (Outcome.OK, Reason.NONE)
    assert exchange.events == 3
    assert exchange.first_token_ns == exchange.last_token_ns == 10**9
    if dialect != "sse":
        assert (exchange.tokens_in, exchange.tokens_out) == (11, 7)
        assert exchange.flags & FLAG_TOKENS_FROM_USAGE
        assert exchange.served_by == "m-1"
        assert exchange.finish_reason in ("stop", "completed")


@pytest.mark.parametrize("dialect", GOOD)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_split_gives_the_same_result(dialect: str, ending: bytes, data: st.DataObject) -> None:
    whole = b"\xef\xbb\xbf" + GOOD[dialect].replace(b"\n", ending)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=30)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if b > a]
    nonce = data.draw(st.sampled_from([b"", b"Hel"]))
    expected = read(dialect, whole, nonce=nonce)
    assert said(*read(dialect, *pieces, nonce=nonce)) == said(*expected)
    assert expected[1] == (Outcome.OK, Reason.NONE)


@pytest.mark.parametrize("dialect", GOOD)
def test_byte_by_byte_and_cut_anywhere(dialect: str) -> None:
    """Split at every byte it is the same; cut short at any byte it never says OK (but where the rest said nothing)."""
    whole = GOOD[dialect]
    assert said(*read(dialect, *(whole[i : i + 1] for i in range(len(whole))))) == said(*read(dialect, whole))
    if dialect == "sse":
        return
    for end in range(len(whole)):
        exchange, judged = read(dialect, whole[:end])
        if judged[0] is Outcome.OK:
            assert exchange.finish_reason or b"[DONE]" in whole[:end] or b"message_stop" in whole[:end]
            assert exchange.events == 3


@given(st.binary(max_size=400), st.sampled_from(sorted(GOOD)))
@settings(max_examples=300, deadline=None)
def test_garbage_never_raises_and_never_counts_as_a_good_llm_stream(garbage: bytes, dialect: str) -> None:
    _, judged = read(dialect, b"data: {" + garbage)
    assert dialect == "sse" or judged[0] is not Outcome.OK


@pytest.mark.parametrize("spaced", [False, True])
def test_first_token_is_the_first_content_that_is_not_empty(spaced: bool) -> None:
    pieces = [b": hello\n\n", sse(ROLE, spaced=spaced), sse(chat(""), spaced=spaced), sse(chat("x"), spaced=spaced)]
    exchange, _ = read("openai", *pieces, sse(chat("y"), spaced=spaced), sse(chat(None, "stop"), DONE))
    assert exchange.first_token_ns == 4 * 10**9
    assert exchange.last_token_ns == 5 * 10**9
    assert exchange.events == 2


def test_the_largest_gap_is_between_contents_only() -> None:
    pieces = [sse(chat("a")), b": ping\n\n", sse(chat("b")), sse(chat("c")), sse(chat(None, "stop"), DONE)]
    exchange, _ = read("openai", *pieces, times=[10, 20, 70, 90, 500])
    assert exchange.max_gap_ns == 60
    assert (exchange.first_token_ns, exchange.last_token_ns) == (10, 90)


def test_reasoning_and_tool_calls_are_tokens() -> None:
    call = {"tool_calls": [{"index": 0, "function": {"name": "look_up", "arguments": ""}}]}
    more = {"tool_calls": [{"index": 0, "function": {"arguments": '{"q":'}}]}
    exchange, judged = read(
        "openai",
        sse(chat(None, reasoning_content="hm"), chat(None, **call), chat(None, **more))
        + sse(chat(None, "tool_calls"), DONE),
    )
    assert judged[0] is Outcome.OK
    assert exchange.events == 3


def test_logprobs_are_not_content() -> None:
    chunk = {"choices": [{"logprobs": {"content": [{"token": "x"}]}, "delta": {}, "finish_reason": None}]}
    exchange, _ = read("openai", sse(chat("a"), chunk, chat(None, "stop"), DONE))
    assert exchange.events == 1


@pytest.mark.parametrize(
    ("dialect", "stream", "expected"),
    [
        ("openai", sse(ROLE, DONE), (Outcome.WRONG_SHAPE, Reason.EMPTY_STREAM)),
        ("openai", sse(DONE), (Outcome.WRONG_SHAPE, Reason.EMPTY_STREAM)),
        ("openai", b"", (Outcome.TRUNCATED, Reason.NO_END_MARKER)),
        ("openai", sse(ROLE, chat("Hello")), (Outcome.TRUNCATED, Reason.NO_END_MARKER)),
        ("openai", sse(chat("Hello"), b"data: {oops", chat(None, "stop"), DONE), (Outcome.MALFORMED, Reason.BAD_EVENT)),
        (
            "openai",
            sse(chat("a"), {"error": {"message": "boom", "type": "server_error"}}, DONE),
            (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR),
        ),
        (
            "openai",
            sse({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, DONE),
            (Outcome.THROTTLED, Reason.IN_BAND_ERROR),
        ),
        (
            "openai",
            sse({"error": {"message": "queue is full", "code": 503}}),
            (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR),
        ),
        ("openai", sse({"error": {"message": "x", "code": "429"}}), (Outcome.THROTTLED, Reason.IN_BAND_ERROR)),
        (
            "openai",
            sse(chat("a"), b'event: error\ndata: {"message": "x"}', DONE),
            (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR),
        ),
        (
            "anthropic",
            sse(named("message_start"), named("error", error={"type": "overloaded_error"})),
            (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR),
        ),
        (
            "anthropic",
            sse(named("error", error={"type": "rate_limit_error"})),
            (Outcome.THROTTLED, Reason.IN_BAND_ERROR),
        ),
        ("anthropic", sse(named("message_start"), named("message_stop")), (Outcome.WRONG_SHAPE, Reason.EMPTY_STREAM)),
        (
            "responses",
            sse(
                named("response.output_text.delta", delta="a"),
                named("response.failed", response={"error": {"code": "server_error"}}),
            ),
            (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR),
        ),
        (
            "responses",
            sse(named("response.completed", response={"status": "completed"})),
            (Outcome.WRONG_SHAPE, Reason.EMPTY_STREAM),
        ),
        ("responses", sse(named("response.output_text.delta", delta="a")), (Outcome.TRUNCATED, Reason.NO_END_MARKER)),
        (
            "gemini",
            sse({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}),
            (Outcome.THROTTLED, Reason.IN_BAND_ERROR),
        ),
        (
            "gemini",
            sse({"candidates": [{"content": {"parts": [{"text": "a"}]}}]}),
            (Outcome.TRUNCATED, Reason.NO_END_MARKER),
        ),
        ("gemini", sse({"promptFeedback": {"blockReason": "SAFETY"}}), (Outcome.WRONG_SHAPE, Reason.EMPTY_STREAM)),
        ("sse", b": only a comment\n\n", (Outcome.WRONG_SHAPE, Reason.EMPTY_STREAM)),
        ("sse", sse(b"data: a", b"event: error\ndata: out of luck"), (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR)),
        ("sse", sse(b"data: a", {"error": "x"}), (Outcome.SERVER_ERROR, Reason.IN_BAND_ERROR)),
    ],
)
def test_every_lie_of_a_stream_is_told_apart(dialect: str, stream: bytes, expected: object) -> None:
    exchange, judged = read(dialect, stream)
    assert judged == expected
    if judged[1] is Reason.EMPTY_STREAM:
        assert exchange.first_token_ns == NEVER, "no token is not a token at time 0"


def test_an_end_without_its_empty_line_counts() -> None:
    text = {"choices": [{"index": 0, "text": "a"}]}
    assert read("openai", sse(text) + DONE)[1] == (Outcome.OK, Reason.NONE)
    assert read("openai", sse(text) + DONE + b"\n")[1] == (Outcome.OK, Reason.NONE)
    assert read("openai", sse(text) + b"data: [DO")[1] == (Outcome.TRUNCATED, Reason.NO_END_MARKER)


def test_an_end_marker_does_not_stand_in_for_the_finish_reason_that_was_owed() -> None:
    """A proxy whose upstream died says [DONE]; a server that knows no finish reasons owes none."""
    bare = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
    assert read("openai", sse(chat("a"), chat("b"), DONE))[1] == (Outcome.TRUNCATED, Reason.NO_END_MARKER)
    assert read("openai", sse(bare, bare, DONE))[1] == (Outcome.OK, Reason.NONE)
    assert read("openai", sse(chat("a"), chat("b"), chat(None, "length"), DONE))[1] == (Outcome.OK, Reason.NONE)


@pytest.mark.parametrize("dialect", ["openai", "responses", "anthropic", "gemini"])
def test_nonce_must_come_back_in_the_text_wherever_it_is_split(dialect: str) -> None:
    exchange, judged = read(dialect, GOOD[dialect], nonce="Hello “wör".encode())
    assert judged == (Outcome.OK, Reason.NONE)
    assert exchange.flags & FLAG_NONCE_CHECKED
    assert read(dialect, GOOD[dialect], nonce=b"m-1")[1] == (Outcome.WRONG_SHAPE, Reason.NONCE_MISSING)


def test_an_endless_event_is_not_held() -> None:
    exchange = Exchange(Request(b"POST", b"/", stream=True, dialect="openai"))
    reader = StreamReader(exchange, DIALECTS["openai"])
    for _ in range(40):
        reader.feed(b"data: " + b"x" * (EVENT_LIMIT_BYTES // 16), 1)
        assert sum(map(len, reader._tail)) <= EVENT_LIMIT_BYTES
    reader.feed(b"\n\n" + sse(chat("a"), chat(None, "stop"), DONE), 2)
    assert reader.finish(3) == (Outcome.MALFORMED, Reason.BAD_EVENT)


def test_split_event_follows_the_format() -> None:
    assert split_event(b"event: a\ndata: 1\ndata:2\nid: 7\n: x") == ("a", b"1\n2")
    assert split_event(b"retry: 100") == ("", None)
    assert split_event(b"data") == ("", b"")


@given(st.text(max_size=40), st.sampled_from(["openai", "anthropic", "responses", "gemini"]))
@settings(max_examples=200, deadline=None)
def test_the_fast_path_agrees_with_the_decoder(text: str, dialect: str) -> None:
    """Where `scan` says "content", decoding says so too, and the text is the same."""
    event = {
        "openai": sse(chat(text))[:-2],
        "anthropic": named("content_block_delta", delta={"type": "text_delta", "text": text}),
        "responses": named("response.output_text.delta", delta=text),
        "gemini": sse({"candidates": [{"content": {"parts": [{"text": text}]}}]})[:-2],
    }[dialect]
    start, end = DIALECTS[dialect].scan(event)
    assert bool(end > start) == bool(text)
    if text:
        assert json.loads(b'"' + event[start:end] + b'"') == text


@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=8), st.integers(0, 7), st.sampled_from(["", "stop", "error"])
)
@settings(max_examples=200, deadline=None)
def test_what_surrounds_a_piece_is_remembered_and_nothing_else_passes_for_it(
    texts: list[str], where: int, intruder: str
) -> None:
    """Whatever the pieces hold (quotes, backslashes, braces), only pieces count, and an error or an end among them is
    seen."""
    events: list[object] = [chat(text) for text in texts]
    if intruder == "error":
        events.insert(where, {**chat("x"), "error": {"message": "boom"}})
    elif intruder == "stop":
        events.insert(where, chat("x", "stop"))
    exchange, judged = read("openai", sse(chat("first"), *events), sse(DONE))
    assert exchange.events == 1 + sum(map(bool, texts)) + (intruder != "")
    assert exchange.finish_reason == ("stop" if intruder == "stop" else "")
    assert judged[0] is {"error": Outcome.SERVER_ERROR, "stop": Outcome.OK, "": Outcome.TRUNCATED}[intruder]


@pytest.mark.parametrize(
    ("pieces", "name"),
    [
        (("[served-by:llm/fallback]", " hello"), "llm/fallback"),
        (("Sure! [ser", "ved-by:b", "ig] he", "llo"), "big"),
        (("hello", " there"), ""),
        (("[served-by:]", "[served-by:a b]", " [served-by"), ""),
    ],
)
def test_a_canary_is_found_wherever_the_chunks_split_it(pieces: tuple[str, ...], name: str) -> None:
    data = sse(*(chat(piece) for piece in pieces), chat(finish="stop"), b"data: [DONE]")
    exchange = Exchange(Request(b"POST", b"/", stream=True, dialect="openai"))
    reader = StreamReader(exchange, DIALECTS["openai"], canary=True)
    for at in range(0, len(data), 7):
        reader.feed(data[at : at + 7], at)
    assert reader.finish(len(data)) == (Outcome.OK, Reason.NONE)
    assert exchange.written_by == name and exchange.events == len(pieces)
    assert not exchange.flags & FLAG_NONCE_CHECKED


def test_no_canary_is_looked_for_where_nobody_asks() -> None:
    exchange = Exchange(Request(b"POST", b"/", stream=True, dialect="openai"))
    reader = StreamReader(exchange, DIALECTS["openai"])
    reader.feed(sse(chat("[served-by:x]"), chat(finish="stop"), b"data: [DONE]"), 1)
    assert reader.finish(2)[0] is Outcome.OK and exchange.written_by == ""
