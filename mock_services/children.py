"""Mocks that are programs of their own: started with the upstreams' URLs in the environment, ended with us."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from mock_services.catalogue import CHILDREN
from mock_services.config import ChildPlan

START_LIMIT_S = 20.0
_STOP_LIMIT_S = 1.2


class ChildError(Exception):
    """A child that did not come up."""


class Child:
    def __init__(self, plan: ChildPlan, process: asyncio.subprocess.Process, url: str) -> None:
        self.plan = plan
        self.process = process
        self.url = url

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not heard in time."""
        if self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_LIMIT_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


def environment(plan: ChildPlan, urls: Mapping[str, str], seed: int) -> dict[str, str]:
    """`COPILOT_PRIMARY_URL` and its like, `COPILOT_WEAKNESS=no_breaker,no_timeout`, and every other option as JSON
    or text. No admin token: a system under test has no business with it."""
    prefix = plan.mock.upper() + "_"
    values = {name: text for name, text in os.environ.items() if name != "PEAKPROOF_MOCK_TOKEN"}
    values |= {f"{prefix}{role.upper()}_URL": urls[name] for role, name in plan.options.get("upstreams", {}).items()}
    values[prefix + "SEED"] = str(seed)
    for key, value in plan.options.items():
        if key != "upstreams":
            values[prefix + key.upper()] = _as_text(value)
    return values


def _as_text(value: Any) -> str:
    """Switches (`{"no_breaker": true}`) become a list of those that are on."""
    if isinstance(value, dict) and all(isinstance(on, bool) for on in value.values()):
        return ",".join(name for name, on in value.items() if on)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def start_child(plan: ChildPlan, urls: Mapping[str, str], seed: int, folder: Path) -> Child:
    """Raises ChildError where it ends, or is not ready in time."""
    ready_file = folder / f"{plan.name.replace('/', '_')}.ready.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *CHILDREN[plan.mock],
        "--port",
        str(plan.port),
        "--ready-file",
        str(ready_file),
        env=environment(plan, urls, seed),
        stdin=asyncio.subprocess.DEVNULL,
    )
    child = Child(plan, process, "")
    for _ in range(round(START_LIMIT_S / 0.05)):
        if ready_file.exists():
            child.url = str(orjson.loads(ready_file.read_bytes())["url"])
            return child
        if process.returncode is not None:
            raise ChildError(f"{plan.name} ended while starting (exit {process.returncode}); its output is above")
        await asyncio.sleep(0.05)
    await child.stop()
    raise ChildError(f"{plan.name} was not ready within {START_LIMIT_S:g} s")
