"""Requests as bytes: named for the run, no smuggled line, no key in an error."""

from __future__ import annotations

import pytest

from harness import __version__
from harness.engine.exchange import Request
from harness.engine.job import EngineJob
from harness.engine.transport.wire import Renderer, render_headers
from harness.errors import UsageError


def job(**headers: str) -> EngineJob:
    return EngineJob(run_id="7f3k", target="http://h", allow_hosts=(), journeys=(), phases=(), headers=headers)


def test_every_request_names_the_tool_the_run_and_its_number() -> None:
    out = Renderer("h:1", job(Authorization="Bearer ${env:KEY}"), {"KEY": "s3cret"}).render(
        Request(b"POST", b"/v1/x?y=1", b"content-type: application/json\r\n", b'{"a":1}', seq=42)
    )
    head, _, body = out.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/x?y=1 HTTP/1.1"
    assert {
        b"host: h:1",
        f"user-agent: peakproof/{__version__} (run 7f3k)".encode(),
        b"x-peakproof-run: 7f3k",
        b"x-peakproof-seq: 42",
        b"Authorization: Bearer s3cret",
        b"content-type: application/json",
        b"content-length: 7",
    } <= set(lines)
    assert body == b'{"a":1}'


def test_only_methods_that_may_have_a_body_get_a_length() -> None:
    renderer = Renderer("h", job())
    assert b"content-length" not in renderer.render(Request(b"GET", b"/"))
    assert b"content-length: 0\r\n" in renderer.render(Request(b"POST", b"/"))
    assert b"content-length: 1\r\n" in renderer.render(Request(b"DELETE", b"/", body=b"x"))


def test_the_job_may_choose_host_and_accept_once() -> None:
    out = Renderer("h:1", job(Host="virtual", Accept="text/event-stream")).render(Request(b"GET", b"/"))
    assert out.lower().count(b"\r\nhost:") == out.lower().count(b"\r\naccept:") == 1
    assert b"Host: virtual\r\n" in out


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
