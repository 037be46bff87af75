"""Whatever Schemathesis makes of the admin API's own description: no answer is a 5xx, and the mocks live on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings

from mock_services.admin.openapi import openapi
from mock_services.config import parse_config
from mock_services.loop import run
from mock_services.up import Mocks

schemathesis = pytest.importorskip("schemathesis", reason="make test-contract installs it")
TOKEN = "schema-token"
AUTH = {"authorization": f"Bearer {TOKEN}"}
schema = schemathesis.openapi.from_dict(openapi())


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Mocks on a thread of their own, and a client of their admin API: one for all, for making one takes longer than
    asking it."""
    folder: Path = tmp_path_factory.mktemp("mocks")
    up, done = threading.Event(), asyncio.Event()
    urls: list[str] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        config = parse_config(b'{"services": [{"name": "llm", "mock": "openai", "preset": "instant"}]}')
        mocks = Mocks(config, TOKEN)
        try:
            await mocks.start(folder)
            urls.append(mocks.admin_listener.url)
            loops.append(asyncio.get_running_loop())
            up.set()
            await done.wait()
        finally:
            await mocks.stop()

    thread = threading.Thread(target=lambda: run(serve()))
    thread.start()
    assert up.wait(10)
    with httpx.Client(base_url=urls[0], trust_env=False, timeout=10, verify=False) as client:
        yield client
    loops[0].call_soon_threadsafe(done.set)
    thread.join(10)


@pytest.mark.timeout(600)  # the examples are made up while others use the machine
@schema.parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_input_makes_the_admin_api_fail(case: Any, admin: httpx.Client) -> None:
    sent = case.as_transport_kwargs(base_url=str(admin.base_url))
    sent.pop("cookies", None)
    sent["headers"] = AUTH | {k: v for k, v in (sent.get("headers") or {}).items() if k.lower() == "content-type"}
    answer = admin.request(**_as_httpx(sent))
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.json()["error"]["message"]
    assert admin.get("/healthz", headers=AUTH).status_code == 200


def _as_httpx(sent: dict[str, object]) -> dict[str, object]:
    """Schemathesis speaks requests' words."""
    data = sent.pop("data", None)
    kept = {key: value for key, value in sent.items() if key in {"method", "url", "headers", "params", "json"}}
    return {**kept, "content": data} if isinstance(data, bytes | str) else kept
