"""The whole cast in real processes: `python -m mock_services up` with copilot on a provider, a vector DB and tools."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest

pytestmark = pytest.mark.e2e
TOKEN = "t0ken"
SERVICES = [
    {"name": "llm/primary", "mock": "openai", "preset": "hosted-chat", "port": 0},
    {"name": "llm/fallback", "mock": "openai", "preset": "hosted-small", "port": 0},
    {"name": "vector", "mock": "qdrant", "port": 0},
    {"name": "tools", "mock": "tools", "port": 0, "rps": 500},
    {
        "name": "copilot",
        "mock": "copilot",
        "port": 0,
        "upstreams": {"primary": "llm/primary", "fallback": "llm/fallback", "vector": "vector", "tools": "tools"},
        "weakness": {"no_breaker": False},
    },
]


class Cast:
    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any]) -> None:
        self.process = process
        self.urls: dict[str, str] = ready["services"]
        self.admin = httpx.Client(
            base_url=ready["admin"], headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=5
        )

    def change(self, service: str, **settings: Any) -> None:
        assert self.admin.patch(f"/services/{service}", json=settings).status_code == 200

    def counts(self, service: str) -> Any:
        return self.admin.get("/counts").json()[service]

    def own_counts(self) -> Any:
        return httpx.get(self.urls["copilot"] + "/counts", trust_env=False).json()

    def ask(self, times: int, run: str, **body: Any) -> list[httpx.Response]:
        async def one(client: httpx.AsyncClient, seq: int) -> httpx.Response:
            await asyncio.sleep(seq * 0.02)
            asked = {
                "stream": True,
                "max_tokens": 12,
                "messages": [{"role": "user", "content": f"Refund of order {seq}? nonce:{run}-{seq}"}],
                **body,
            }
            sent = {"x-peakproof-run": run, "x-peakproof-seq": str(seq)}
            return await client.post(self.urls["copilot"] + "/v1/chat/completions", json=asked, headers=sent)

        async def all_of_them() -> list[httpx.Response]:
            async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
                return await asyncio.gather(*(one(client, seq) for seq in range(times)))

        return asyncio.run(all_of_them())


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    folder: Path = tmp_path_factory.mktemp("mocks")
    (folder / "mocks.json").write_bytes(orjson.dumps({"run_id": "e2e", "seed": 42, "services": SERVICES}))
    command = [sys.executable, "-m", "mock_services", "up", "--config", str(folder / "mocks.json")]
    process = subprocess.Popen(
        [*command, "--ready-file", str(folder / "ready.json"), "--with-parent"],
        env={**os.environ, "PEAKPROOF_MOCK_TOKEN": TOKEN},
    )
    try:
        for _ in range(400):
            if (folder / "ready.json").exists():
                break
            assert process.poll() is None, "the mocks ended while starting"
            time.sleep(0.05)
        cast = Cast(process, orjson.loads((folder / "ready.json").read_bytes()))
        children = psutil.Process(process.pid).children()
        yield cast
        cast.admin.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert not [child for child in children if child.is_running()], "copilot ends with the mocks"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_upstream_calls_join_the_arrivals_by_seq(cast: Cast) -> None:
    cast.ask(5, "joined", tool_choice="required")
    for service in ("vector", "tools"):
        lines = cast.admin.get("/log", params={"service": service, "limit": 10_000}).json()["log"]
        joined = sorted(line["seq"] for line in lines if line["run"] == "joined")
        assert joined == ["0", "1", "2", "3", "4"], service


def test_healthy_degraded_and_back(cast: Cast) -> None:
    healthy = cast.ask(20, "healthy")
    assert {reply.status_code for reply in healthy} == {200}
    assert Counter(reply.headers["x-served-by"] for reply in healthy) == {"primary": 20}
    assert not [reply for reply in healthy if "x-degraded" in reply.headers]
    for seq, reply in enumerate(healthy):
        assert reply.text.endswith("data: [DONE]\n\n")
        assert f"nonce:healthy-{seq}" in reply.text, "each caller gets the answer to its own question"
        assert "served-by:llm/primary" in reply.text
    assert cast.counts("vector")["requests"] == 25

    cast.change("llm/primary", tpm=1)
    degraded = cast.ask(20, "throttled")
    assert {reply.status_code for reply in degraded} == {200}
    assert Counter(reply.headers["x-served-by"] for reply in degraded) == {"fallback": 20}
    assert all("fallback-model" in reply.headers["x-degraded"] for reply in degraded)
    assert all("served-by:llm/fallback" in reply.text for reply in degraded)
    assert cast.counts("llm/primary")["by_status"]["429"] < 20, "a provider that throttles is left alone"
    cast.change("llm/primary", tpm=None)

    cast.change("vector", read_rate_limit=1)
    unread = cast.ask(10, "unread")
    assert {reply.status_code for reply in unread} == {200}
    assert sum("no-retrieval" in reply.headers.get("x-degraded", "") for reply in unread) >= 9
    cast.change("vector", read_rate_limit=None)

    own = cast.own_counts()
    assert {run: counts["requests"] for run, counts in own["by_run"].items()} == {
        "joined": 5,
        "healthy": 20,
        "throttled": 20,
        "unread": 10,
    }
    assert own["in_flight"] == 0


def served_by_primary_again(cast: Cast) -> None:
    """Waits until the breaker is closed: what an earlier throttle or outage left open is no part of the next test."""
    deadline_s = time.monotonic() + 15
    back: list[str] = []
    while back[-5:] != ["primary"] * 5:
        assert time.monotonic() < deadline_s, back
        back += [reply.headers["x-served-by"] for reply in cast.ask(5, "back")]


def test_an_outage_is_degraded_at_once_and_over_soon_after_it_is(cast: Cast) -> None:
    served_by_primary_again(cast)
    lease = {"on": "llm/primary", "fault": "error", "status": 503, "path": "/v1/chat", "ttl_s": 30}
    granted = cast.admin.post("/faults", json=lease)
    assert granted.status_code == 201
    before = cast.counts("llm/primary")["by_status"].get("503", 0)
    down = cast.ask(40, "down")
    assert {reply.status_code for reply in down} == {200}
    assert Counter(reply.headers["x-served-by"] for reply in down) == {"fallback": 40}
    refused = cast.counts("llm/primary")["by_status"].get("503", 0) - before
    assert 0 < refused < 20, "the outage was met, and then the breaker opened"
    assert cast.admin.delete(f"/faults/{granted.json()['id']}").status_code == 200
    served_by_primary_again(cast)


def test_a_wrong_environment_is_said_and_nothing_starts() -> None:
    wrong = {**os.environ, "COPILOT_PRIMARY_URL": "ftp://x", "COPILOT_QEUE": "3"}
    ended = subprocess.run(
        [sys.executable, "-m", "mock_services.copilot"], env=wrong, capture_output=True, timeout=20, check=False
    )
    assert ended.returncode == 2
    assert b"COPILOT_PRIMARY_URL" in ended.stderr and b"COPILOT_QEUE" in ended.stderr
    assert b"Traceback" not in ended.stderr
