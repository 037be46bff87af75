"""The program as it is started: ready file, signals, faults that die with it, clean boots."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = pytest.mark.e2e
TOKEN = "e2e-token"
AUTH = {"authorization": f"Bearer {TOKEN}"}


class Program:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, services: list[dict[str, Any]], *flags: str, token: str = TOKEN) -> tuple[Any, dict[str, Any]]:
        config, ready = self.folder / "mocks.json", self.folder / f"ready-{len(self.processes)}.json"
        config.write_text(json.dumps({"services": services}))
        command = [sys.executable, "-m", "mock_services", "up", "--config", str(config), "--ready-file", str(ready)]
        environment = {k: v for k, v in os.environ.items() if k != "PEAKPROOF_MOCK_TOKEN"}
        if token:
            environment["PEAKPROOF_MOCK_TOKEN"] = token
        process = subprocess.Popen([*command, *flags], env=environment, stderr=subprocess.PIPE)
        self.processes.append(process)
        for _ in range(400):
            if ready.exists():
                return process, json.loads(ready.read_bytes())
            if process.poll() is not None:
                return process, {}
            time.sleep(0.05)
        raise AssertionError("not ready in time")


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    running = Program(tmp_path)
    yield running
    for process in running.processes:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


LLM = {"name": "llm/primary", "mock": "openai", "preset": "instant"}


def test_up_serves_until_sigterm_and_boots_clean_again(program: Program) -> None:
    process, ready = program.start([LLM])
    assert ready["pid"] == process.pid and "token" not in ready
    with httpx.Client(trust_env=False) as client:
        url = ready["services"]["llm/primary"] + "/v1/models"
        assert client.get(url, headers={"authorization": "Bearer k"}).status_code == 200
        fault = {"on": "llm/primary", "fault": "error", "ttl_s": 60}
        assert client.post(ready["admin"] + "/faults", json=fault, headers=AUTH).status_code == 201
        assert client.get(url, headers={"authorization": "Bearer k"}).status_code == 503
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    _, ready = program.start([{**LLM, "port": int(ready["services"]["llm/primary"].rpartition(":")[2])}])
    with httpx.Client(trust_env=False) as client:
        assert client.get(url, headers={"authorization": "Bearer k"}).status_code == 200, "no fault survives a restart"
        assert client.get(ready["admin"] + "/faults", headers=AUTH).json()["faults"] == []


def test_a_port_in_use_and_a_wrong_config_are_one_line(program: Program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process, _ = program.start([{**LLM, "port": taken.getsockname()[1]}])
        assert process.wait(5) == 3
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert said.count("\n") == 1 and "llm/primary: cannot take port" in said
    process, _ = program.start([{**LLM, "mock": "gopher"}])
    assert process.wait(5) == 2
    assert process.stderr is not None
    assert "mocks.json: llm/primary: unknown mock 'gopher'" in process.stderr.read().decode()


def test_without_a_token_one_is_made_and_only_the_owner_reads_it(program: Program, tmp_path: Path) -> None:
    _, ready = program.start([LLM], token="")
    assert len(ready["token"]) >= 24
    assert (tmp_path / "ready-0.json").stat().st_mode & 0o077 == 0
    headers = {"authorization": f"Bearer {ready['token']}"}
    assert httpx.get(ready["admin"] + "/healthz", headers=headers, trust_env=False).json()["ok"]


def test_copilot_is_changed_while_it_runs_through_the_admin_and_holds_no_token(program: Program) -> None:
    copilot = {"name": "copilot", "mock": "copilot", "upstreams": {"primary": "llm/primary"}}
    process, ready = program.start([LLM, copilot])
    with httpx.Client(trust_env=False, headers=AUTH, timeout=30) as client:
        admin, url = ready["admin"], ready["services"]["copilot"]
        listed = {entry["name"]: entry for entry in client.get(f"{admin}/services").json()["services"]}
        assert listed["copilot"]["settings"]["weakness"] == {}
        answer = client.patch(f"{admin}/services/copilot", json={"weakness": {"cut_stream": 0.5}, "queue": 3})
        assert (answer.status_code, answer.json()["queue"]) == (200, 3)
        assert client.get(f"{url}/healthz").json()["weakness"] == {"cut_stream": 0.5}
        assert client.get(f"{admin}/services/copilot").json()["settings"]["weakness"] == {"cut_stream": 0.5}
        answer = client.patch(f"{admin}/services/copilot", json={"primary_url": "http://127.0.0.1:1"})
        assert answer.status_code == 422 and "primary_url: cannot be changed" in answer.json()["error"]["message"]
        assert client.patch(f"{admin}/services/copilot", json={"weakness": {"cut_stream": False}}).status_code == 200
        assert client.get(f"{url}/healthz").json()["weakness"] == {}
        child = psutil.Process(process.pid).children()[0]
        assert "PEAKPROOF_MOCK_TOKEN" not in child.environ() and TOKEN not in " ".join(child.cmdline())
        child.kill()
        child.wait(5)
        answer = client.patch(f"{admin}/services/copilot", json={"queue": 4})
        assert answer.status_code == 503 and "copilot" in answer.json()["error"]["message"]
