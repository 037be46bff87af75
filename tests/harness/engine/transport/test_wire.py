"""Requests as bytes: named for the run, no smuggled line, no key in an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import __version__
from harness.engine.exchange import Request
from harness.engine.job import EngineJob
from harness.engine.transport.wire import Renderer, render_headers
from harness.errors import UsageError


def job(**headers: str) -> EngineJob:
    return EngineJob(run_id="7f3k", target="http://h", allow_hosts=(), journeys=(), phases=(), headers=headers)


def test_every_request_names_the_tool_the_run_and_its_number() -> None:
    out = Renderer("h:1", job(Authorization="Bearer ${env:KEY}"), env={"KEY": "s3cret"}).render(
        Request(b"POST", b"/v1/x?y=1", b"content-type: application/json\r\n", b'{"a":1}'), 42
    )
    head, _, body = out.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/x?y=1 HTTP/1.1"
    assert {
        b"host: h:1",
        f"user-agent: peakproof/{__version__} (run 7f3k)".encode(),
        b"x-peakproof-run: 7f3k",
        b"x-peakproof-seq: 42",
        b"authorization: Bearer s3cret",
        b"content-type: application/json",
        b"content-length: 7",
    } <= set(lines)
    assert body == b'{"a":1}'


def test_only_methods_that_may_have_a_body_get_a_length() -> None:
    renderer = Renderer("h", job())
    assert b"content-length" not in renderer.render(Request(b"GET", b"/"), 7)
    assert b"content-length: 0\r\n" in renderer.render(Request(b"POST", b"/"), 7)
    assert b"content-length: 1\r\n" in renderer.render(Request(b"DELETE", b"/", body=b"x"), 7)


def test_the_job_may_choose_host_and_accept_once() -> None:
    out = Renderer("h:1", job(Host="virtual", Accept="text/event-stream")).render(Request(b"GET", b"/"), 7)
    assert out.lower().count(b"\r\nhost:") == out.lower().count(b"\r\naccept:") == 1
    assert b"host: virtual\r\n" in out


def test_a_requests_headers_win_over_the_jobs_and_nobody_takes_the_runs_place() -> None:
    renderer = Renderer("h:1", job(Authorization="job", **{"x-a": "1"}))
    lines = b"AUTHORIZATION: request\r\nuser-agent: other\r\ncontent-length: 99\r\nx-peakproof-run: other\r\n"
    for _ in range(2):
        out = renderer.render(Request(b"POST", b"/", lines, b"x"), 7)
        assert out.lower().count(b"authorization:") == 1 and b"AUTHORIZATION: request\r\n" in out
        assert b"other" not in out and b"99" not in out
        assert b"x-a: 1\r\n" in out and b"x-peakproof-seq: 7\r\n" in out


@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_the_number_is_sent_once_and_is_the_arrivals_own(seq: int, first: bool, repeats: bool) -> None:
    renderer = Renderer("h:1", job())
    line = b"X-Peakproof-Seq: 77777777777\r\n"
    request = Request(b"GET", b"/", line + b"x-a: 1\r\n" if first else b"x-a: 1\r\n" + line)
    request.repeats = repeats
    for _ in range(2):
        out = renderer.render(request, seq)
        assert out.lower().count(b"x-peakproof-seq") == 1
        trace = out.partition(b"traceparent: 00-")[2].partition(b"\r\n")[0]
        assert trace[24:32] == trace[41:49] == b"%08x" % seq and len(trace) == 52
        assert b"\r\nx-peakproof-seq: %d\r\n" % seq in out
        assert b"\r\nx-a: 1\r\n" in out


def test_memory_of_merged_lines_is_bounded() -> None:
    renderer = Renderer("h:1", job())
    for i in range(1000):
        renderer.render(Request(b"GET", b"/", b"x: %d\r\n" % i), 7)
    assert len(renderer._merged) <= 256


@pytest.mark.parametrize(
    ("base", "path", "sent"),
    [
        (b"", b"/v1/chat", b"/v1/chat"),
        (b"/api", b"/v1/chat", b"/api/v1/chat"),
        (b"/v1", b"/v1/chat", b"/v1/chat"),
        (b"/v1", b"/v1", b"/v1"),
        (b"/v1", b"/v1?x=1", b"/v1?x=1"),
        (b"/v1", b"/v1x", b"/v1/v1x"),
    ],
)
def test_the_targets_own_path_goes_first_once(base: bytes, path: bytes, sent: bytes) -> None:
    assert Renderer("h", job(), base).render(Request(b"GET", path), 7).split(b" ")[1] == sent


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\ny: b"},
        {"x": "a\nb"},
        {"x": "\x00"},
        {"x": "日本"},
        {"x y": "a"},
        {"": "a"},
        {"x:": "a"},
        {"Content-Length": "5"},
        {"transfer-encoding": "chunked"},
        {"User-Agent": "someone else"},
        {"X-Peakproof-Seq": "1"},
        {"x": "${env:ABSENT}"},
        {"x": "${env:BROKEN}"},
    ],
)
def test_what_http_or_the_run_does_not_allow_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        render_headers(headers, {"BROKEN": "s3cret\r\nx: y"})


def test_no_error_shows_a_value() -> None:
    with pytest.raises(UsageError) as caught:
        render_headers({"authorization": "Bearer ${env:KEY}"}, {"KEY": "s3cret\n"})
    assert "s3cret" not in str(caught.value)
    with pytest.raises(UsageError, match="KEY"):
        render_headers({"authorization": "Bearer ${env:KEY}"}, {})
