"""Servers and peers of the engine's bench: nginx for plain requests, a C responder for streams; wrk, hey, Locust."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil

HERE = Path(__file__).parent
CLIENT_CORE, SERVER_CORE = 0, 1
BODY = '{"a":1}'
_NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port} backlog=4096;
    location / {{ default_type application/json; return 200 '{{"ok":true}}'; }} }}
}}
"""
_LOCUSTFILE = """
from locust import {user}, constant, task
class Plain({user}):
    wait_time = constant(0)
    @task
    def post(self):
        self.client.post("/", data='{body}', headers={{"content-type": "application/json"}})
"""


def pinned(core: int, *command: str) -> list[str]:
    return ["taskset", "-c", str(core), *command] if (psutil.cpu_count() or 1) > core else list(command)


def missing(*programs: str) -> list[str]:
    return [program for program in programs if shutil.which(program) is None]


@contextmanager
def nginx() -> Iterator[str]:
    """The URL of an nginx of our own, one worker, that answers every request with eleven bytes of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        config = Path(folder) / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=port))
        process = subprocess.Popen(pinned(SERVER_CORE, "nginx", "-c", str(config)), stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


class Responder:
    """The C responder, built when asked for; `stamps()` ends it."""

    def __init__(self, events: int, first_us: int, gap_us: int) -> None:
        self._folder = Path(tempfile.mkdtemp())
        program = self._folder / "responder"
        subprocess.run(["cc", "-O2", "-o", str(program), str(HERE / "stream_responder.c")], check=True)
        self._stamps = self._folder / "stamps"
        command = pinned(SERVER_CORE, str(program), str(events), str(first_us), str(gap_us), str(self._stamps))
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def stamps(self) -> np.ndarray:
        """Of each stream whose last token was sent: its seq, and when the server had read its request, wrote its first
        token and its last, in monotonic ns, shape (n, 4)."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        stamps = np.fromfile(self._stamps, np.uint64).reshape(-1, 4).astype(np.int64)
        shutil.rmtree(self._folder)
        return stamps


def wrk(url: str, seconds: int, connections: int) -> float:
    """Requests a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"wrk.method='POST' wrk.body='{BODY}' wrk.headers['content-type']='application/json'")
        script.flush()
        command = pinned(CLIENT_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, url)
        return _number(r"Requests/sec:\s+([\d.]+)", _output(command))


def hey(url: str, seconds: int, connections: int) -> float:
    """Requests a second."""
    options = ["-cpus", "1", "-z", f"{seconds}s", "-c", str(connections), "-m", "POST", "-d", BODY]
    command = pinned(CLIENT_CORE, "hey", *options, "-T", "application/json", url)
    return _number(r"Requests/sec:\s+([\d.]+)", _output(command))


def locust(url: str, seconds: int, users: int, user: str) -> float:
    """Requests a second of plain Locust, one process: `user` is `HttpUser` or `FastHttpUser`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "locustfile.py"
        path.write_text(_LOCUSTFILE.format(user=user, body=BODY))
        options = ["--headless", "-u", str(users), "-r", str(users), "-t", f"{seconds}s", "--host", url, "--json"]
        output = _output(pinned(CLIENT_CORE, sys.executable, "-m", "locust", "-f", str(path), *options))
    stats = json.loads(output[output.index("[") :])
    counted = sum(entry["num_requests"] for entry in stats)
    spent_s = max(entry["last_request_timestamp"] for entry in stats) - min(entry["start_time"] for entry in stats)
    return counted / max(1e-9, spent_s)


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else float("nan")


def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")
