from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness.analysis import Capacity, Verdict, Word
from harness.errors import RefusedError, UsageError
from harness.report import Report, Run
from harness.run import announce, tell_github

FAILED = Report(
    Verdict(Word.FAIL, False, "60/s was not sustained", "ttft left its limit", ("ttft",), (), (), Capacity(), None),
    Run("7f3k", "http://127.0.0.1:8080", "peakproof run plan.yaml --seed 42"),
)


class Receiver(HTTPServer):
    """Takes one POST after another and answers each with `status`."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Told)
        self.bodies: list[tuple[str, dict[str, Any]]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/s3cret"


class Told(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", self.server.address)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_change_of_verdict_is_posted_as_json(receiver: Receiver) -> None:
    assert announce(FAILED, Word.PASS, receiver.address, slack=False, always=False)
    ((kind, body),) = receiver.bodies
    assert kind == "application/json"
    assert (body["verdict"], body["previous"], body["run"]["id"]) == ("FAIL", "PASS", "7f3k")


def test_slack_gets_blocks_and_a_text_for_notifications(receiver: Receiver) -> None:
    assert announce(FAILED, None, receiver.address, slack=True, always=False)
    ((_, body),) = receiver.bodies
    assert "FAIL" in body["text"]
    assert {block["type"] for block in body["blocks"]} <= {"header", "section", "context", "divider", "actions"}


def test_no_news_is_not_told_unless_always(receiver: Receiver) -> None:
    assert not announce(FAILED, Word.FAIL, receiver.address, slack=False, always=False)
    assert receiver.bodies == []
    assert announce(FAILED, Word.FAIL, receiver.address, slack=False, always=True)
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_receiver_that_does_not_take_it_is_named_by_its_host_alone(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(RefusedError) as caught:
        announce(FAILED, Word.PASS, receiver.address, slack=True, always=False)
    assert str(caught.value) == f"the webhook at 127.0.0.1 answered {status}"
    assert len(receiver.bodies) == 1


def test_a_dead_receiver_is_refused_without_its_address() -> None:
    server = Receiver()
    address = server.address
    server.server_close()
    with pytest.raises(RefusedError) as caught:
        announce(FAILED, Word.PASS, address, slack=False, always=False)
    assert "127.0.0.1 does not answer" in str(caught.value) and "s3cret" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://hooks.example.com/x", "ftp://127.0.0.1/x", "x"])
def test_only_https_leaves_the_machine(address: str) -> None:
    with pytest.raises(UsageError, match="https"):
        announce(FAILED, Word.PASS, address, slack=False, always=True)


def test_a_github_step_gets_summary_outputs_and_commands(tmp_path: Path) -> None:
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    summary.write_text("before\n")
    commands = tell_github(FAILED, {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)})
    assert summary.read_text().startswith("before\n") and "FAIL" in summary.read_text()
    assert outputs.read_text() == "verdict=FAIL\nexit-code=99\n"
    assert all(command.startswith(("::error", "::warning", "::notice")) for command in commands)
    assert tell_github(FAILED, {}) == commands
