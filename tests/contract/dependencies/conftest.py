"""One mock at a time, on a thread of its own, for official clients that block."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services.config import parse_config
from mock_services.up import Mocks

TOKEN = "contract-token"
DIMENSIONS = 32


class Running:
    """A mock, its URL, and the admin API over it."""

    def __init__(self, mocks: Mocks) -> None:
        self.url = mocks.urls()["it"]
        self._admin = httpx.Client(
            base_url=mocks.admin_listener.url, headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=5
        )

    def change(self, **settings: Any) -> None:
        answer = self._admin.patch("/services/it", json=settings)
        assert answer.status_code == 200, answer.text

    def fault(self, fault: str, **fields: Any) -> None:
        answer = self._admin.post("/faults", json={"on": "it", "fault": fault, "ttl_s": 30, **fields})
        assert answer.status_code == 201, answer.text

    def statuses(self) -> list[int]:
        """Of every request so far, in the order they ended."""
        return [line["status"] for line in self._admin.get("/log").json()["log"]]

    def paths(self) -> list[str]:
        return [line["path"] for line in self._admin.get("/log").json()["log"]]

    def close(self) -> None:
        self._admin.close()


Start = Callable[..., Running]


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mocks", daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def start(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> Iterator[Start]:
    """`start("qdrant", read_rate_limit=60)`: a fresh mock of that kind; ends with the test."""
    started: list[tuple[Mocks, Running]] = []

    def on_loop(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    def start_one(mock: str, **settings: Any) -> Running:
        config = {"seed": 3, "services": [{"name": "it", "mock": mock, **settings}]}

        async def run() -> Mocks:
            mocks = Mocks(parse_config(json.dumps(config).encode()), TOKEN)
            await mocks.start(tmp_path)
            return mocks

        mocks = on_loop(run())
        running = Running(mocks)
        started.append((mocks, running))
        return running

    yield start_one
    for mocks, running in started:
        running.close()
        on_loop(mocks.stop())


@pytest.fixture
def vector(start: Start) -> Start:
    """A small vector mock whose searches take next to no time."""

    def start_one(mock: str, **settings: Any) -> Running:
        quick = {"points": 200, "dimensions": DIMENSIONS, "base_ms": 0, "per_doubling_ms": 0, "per_candidate_ms": 0}
        return start(mock, **{**quick, **settings})

    return start_one
