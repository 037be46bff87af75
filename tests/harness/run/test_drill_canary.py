import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from harness import config
from harness.errors import RefusedError
from harness.run.drill_canary import check_canary


class Model(BaseHTTPRequestHandler):
    """Writes its canary where it is asked at /v1 with the right key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        right = self.path == "/v1/chat/completions" and self.headers["x-key"] == "right"
        body = b'{"choices":[{"message":{"content":"[served-by:llm/primary] hi"}}]}' if right else b"{}"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def plan(folder: Path, journey: str = "{kind: chat, model: m}") -> config.Plan:
    path = folder / "plan.yaml"
    path.write_text(f"""
target: http://127.0.0.1:1
journeys: {{ask: {journey}}}
arrivals: {{segments: [{{phase: peak, hold: 1/s, for: 5s}}]}}
prompts: {{sizes: {{in: 5, out: 5}}}}
headers: {{x-key: "${{env:KEY}}"}}
slo: {{slos: [e2e p95 <= 1s]}}
""")
    return config.load_plan(path)


def test_a_target_that_says_who_wrote_the_text(tmp_path: Path, target: str) -> None:
    check_canary(plan(tmp_path), target, {"KEY": "right"})
    check_canary(plan(tmp_path), f"{target}/v1/", {"KEY": "right"})


def test_one_that_does_not_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(RefusedError, match="rests on level 5 alone"):
        check_canary(plan(tmp_path), target, {"KEY": "wrong"})


def test_what_cannot_be_asked_here_is_left_to_the_verdict(tmp_path: Path) -> None:
    check_canary(plan(tmp_path, "{kind: http, path: /x}"), "http://127.0.0.1:1", {})


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="does not answer"):
        check_canary(plan(tmp_path), "http://127.0.0.1:1", {"KEY": "right"})
