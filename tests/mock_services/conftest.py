"""Mocks in the test's own event loop, on real loopback sockets, and clients for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from mock_services import loop
from mock_services.config import parse_config
from mock_services.up import Mocks

TOKEN = "test-token"
AUTH = {"authorization": f"Bearer {TOKEN}"}
KEY = {"authorization": "Bearer sk-test-1234"}


class Lab:
    """Running mocks, an HTTP client, and short ways to the admin API."""

    def __init__(self, mocks: Mocks, client: httpx.AsyncClient) -> None:
        self.mocks = mocks
        self.client = client
        self.urls = mocks.urls()
        self.admin = mocks.admin_listener.url

    async def grant(self, on: str, fault: str, **fields: Any) -> dict[str, Any]:
        body = {"on": on, "fault": fault, "ttl_s": 30, **fields}
        response = await self.client.post(f"{self.admin}/faults", json=body, headers=AUTH)
        assert response.status_code == 201, response.text
        return response.json()

    async def revert(self, lease: dict[str, Any]) -> None:
        response = await self.client.delete(f"{self.admin}/faults/{lease['id']}", headers=AUTH)
        assert response.status_code == 200, response.text

    async def patch(self, name: str, **changes: Any) -> dict[str, Any]:
        response = await self.client.patch(f"{self.admin}/services/{name}", json=changes, headers=AUTH)
        assert response.status_code == 200, response.text
        return response.json()

    async def get(self, path: str) -> Any:
        response = await self.client.get(self.admin + path, headers=AUTH)
        assert response.status_code == 200, response.text
        return response.json()

    async def chat(self, on: str = "llm", text: str = "hello", **fields: Any) -> httpx.Response:
        body = {"model": "gpt-x", "messages": [{"role": "user", "content": text}], "max_tokens": 8, **fields}
        return await self.client.post(f"{self.urls[on]}/v1/chat/completions", json=body, headers=KEY)

    async def stream(self, on: str = "llm", **fields: Any) -> list[str]:
        """The data of every event of a chat stream, as they came."""
        body = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}], "stream": True, **fields}
        url = f"{self.urls[on]}/v1/chat/completions"
        async with self.client.stream("POST", url, json={"max_tokens": 8, **body}, headers=KEY) as response:
            lines = [line async for line in response.aiter_lines()]
        return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


Body = Callable[[Lab], Awaitable[Any]]


@pytest.fixture
def in_lab(tmp_path: Path) -> Callable[..., Any]:
    """`in_lab(body, services)`: starts the services, runs the body, stops everything, answers the body's answer."""

    def run(body: Body, *services: dict[str, Any], limit_s: float = 20.0, seed: int = 7) -> Any:
        listed = list(services) or [{"name": "llm", "mock": "openai", "preset": "instant"}]
        config = parse_config(json.dumps({"seed": seed, "services": listed}).encode())

        async def main() -> Any:
            mocks = Mocks(config, TOKEN)
            try:
                await mocks.start(tmp_path)
                limits = httpx.Limits(max_connections=None)
                async with httpx.AsyncClient(timeout=5.0, limits=limits, trust_env=False, verify=False) as client:
                    return await body(Lab(mocks, client))
            finally:
                await mocks.stop()
                await asyncio.sleep(0)  # connection_lost of what was just closed

        return loop.run(asyncio.wait_for(main(), limit_s))

    return run
