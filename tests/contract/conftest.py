"""Mocks on a thread of their own, for official clients that block; and a clock for those clients that does not wait."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services.config import parse_config
from mock_services.up import Mocks

TOKEN = "contract-token"
SERVICES = [
    {"name": name, "mock": name, "preset": "instant", **limits}
    for name, limits in {
        "openai": {"rpm": 600, "tpm": 60_000},
        "azure": {"rpm": 600, "tpm": 60_000},
        "anthropic": {"rpm": 600, "itpm": 50_000, "otpm": 10_000},
        "gemini": {"rpm": 600, "tpm": 100_000},
        "vertex": {},
        "groq": {"rpm": 600, "tpm": 6_000, "rpd": 14_400},
        "vllm": {},
    }.items()
]


class Stand:
    """The running mocks, and what a test may do to them and ask of them."""

    def __init__(self, mocks: Mocks) -> None:
        self.urls = mocks.urls()
        self._admin = httpx.Client(
            base_url=mocks.admin_listener.url,
            headers={"authorization": f"Bearer {TOKEN}"},
            trust_env=False,
            verify=False,
        )
        self._after = 0

    def fault(self, on: str, fault: str, **fields: Any) -> None:
        answer = self._admin.post("/faults", json={"on": on, "fault": fault, "ttl_s": 60, **fields})
        assert answer.status_code == 201, answer.text

    def patch(self, on: str, **changes: Any) -> None:
        answer = self._admin.patch(f"/services/{on}", json=changes)
        assert answer.status_code == 200, answer.text

    def attempts(self) -> int:
        """Requests that have ended since the last call of this."""
        page = self._admin.get("/log", params={"after": self._after}).json()
        self._after = page["next_after"]
        return len(page["log"])

    def heal(self) -> None:
        for fault in self._admin.get("/faults").json()["faults"]:
            self._admin.delete(f"/faults/{fault['id']}")
        self.attempts()

    def close(self) -> None:
        self._admin.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mocks", daemon=True)
    thread.start()

    async def start() -> Mocks:
        mocks = Mocks(parse_config(json.dumps({"seed": 3, "services": SERVICES}).encode()), TOKEN)
        await mocks.start(Path(tmp_path_factory.mktemp("mocks")))
        return mocks

    mocks = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    stand = Stand(mocks)
    yield stand
    stand.close()
    asyncio.run_coroutine_threadsafe(mocks.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def stand(running: Stand) -> Iterator[Stand]:
    running.heal()
    yield running
    running.heal()


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What a client would have slept, noted instead of slept (the mocks do not use time.sleep)."""
    noted: list[float] = []
    monkeypatch.setattr(time, "sleep", noted.append)
    return noted
