import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
import pytest

from harness.drill.adapters import Action, Observed, Probe, carry_out, confirmed
from harness.errors import Problem, RefusedError, UsageError


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        self._say(200, {"got": json.loads(body), "key": self.headers["x-api-key"]})

    def do_GET(self) -> None:
        self._say(503 if "down" in self.path else 200, {"path": self.path})

    def _say(self, status: int, answer: Any) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def permit(url: str) -> None:
    if "127.0.0.1" not in url:
        raise RefusedError(Problem("not ours"))


def do(provider: dict[str, Any], environ: dict[str, str] | None = None) -> Observed:
    action = Action.model_validate({"name": "a", "provider": provider})
    return carry_out(action, {**os.environ, **(environ or {})}, permit)


def python(code: str, **fields: Any) -> dict[str, Any]:
    return {"type": "process", "path": sys.executable, "arguments": ["-c", code], **fields}


def test_a_program_gives_its_code_and_its_words() -> None:
    seen = do(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (seen.ok, seen.status, seen.stdout, seen.stderr) == (False, 3, "out\n", "err\n")
    assert do(python("pass")).ok


def test_there_is_no_shell() -> None:
    assert do(python("import sys; print(sys.argv[1:])")).ok
    seen = do(
        {"type": "process", "path": sys.executable, "arguments": "-c 'import sys; print(sys.argv[1:])' ';' '$(id)'"}
    )
    assert seen.stdout.strip() == "[';', '$(id)']"


def has_gone(pid: int, within_s: float = 10.0) -> bool:
    """A killed process is dead when the kernel next runs it, not when the signal was sent; nobody may reap it here."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
    return False


def test_a_program_that_hangs_is_ended_with_its_children() -> None:
    code = (
        "import subprocess, sys, time; sleep = 'import time; time.sleep(60)'; "
        "print(subprocess.Popen([sys.executable, '-c', sleep]).pid, flush=True); time.sleep(60)"
    )
    started_s = time.monotonic()
    seen = do(python(code, timeout=3))
    assert (seen.ok, seen.status) == (False, None)
    assert "did not end within 3 s" in seen.problem
    assert time.monotonic() - started_s < 20
    assert has_gone(int(seen.stdout))


def test_a_flood_of_words_is_kept_short_and_holds_nobody_up() -> None:
    seen = do(python("print('x' * 3_000_000)"))
    assert seen.ok
    assert len(seen.stdout) == 65_536


def test_no_such_program() -> None:
    assert "no such program" in do({"type": "process", "path": "no-such-program-here"}).problem


def test_secrets_go_in_at_the_last_moment(url: str) -> None:
    environ = {"FLAG_KEY": "sesame"}
    assert (
        do(python("import os; print(os.environ['KEY'])", env={"KEY": "${env:FLAG_KEY}"}), environ).stdout == "sesame\n"
    )
    request = {
        "type": "http",
        "url": url,
        "method": "post",
        "headers": {"x-api-key": "${env:FLAG_KEY}"},
        "arguments": {"on": True},
    }
    assert json.loads(do(request, environ).body) == {"got": {"on": True}, "key": "sesame"}
    with pytest.raises(UsageError, match="FLAG_KEY"):
        carry_out(Action.model_validate({"name": "a", "provider": request}), {}, permit)


def test_requests(url: str) -> None:
    seen = do({"type": "http", "url": url + "/x", "arguments": {"q": "1 2"}})
    assert (seen.ok, seen.status, json.loads(seen.body)) == (True, 200, {"path": "/x?q=1+2"})
    assert not do({"type": "http", "url": url + "/down"}).ok


def test_a_host_that_is_not_ours_is_never_reached() -> None:
    assert "not ours" in do({"type": "http", "url": "http://192.0.2.1/"}).problem


def test_nobody_there() -> None:
    seen = do({"type": "http", "url": "http://127.0.0.1:9/", "timeout": 1})
    assert (seen.ok, seen.status) == (False, None)
    assert seen.problem


def test_a_probe_is_looked_at_until_it_is_within_its_tolerance(url: str) -> None:
    up = Probe.model_validate({"name": "up", "provider": {"type": "http", "url": url}, "tolerance": 200})
    down = Probe.model_validate({"name": "up", "provider": {"type": "http", "url": url + "/down"}, "tolerance": 200})
    assert confirmed(up, os.environ, permit, within_s=0)
    assert not confirmed(down, os.environ, permit, within_s=0.3, every_s=0.1)
